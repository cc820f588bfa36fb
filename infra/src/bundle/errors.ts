import { ClusterError } from "../errors.ts";

/** Something cannot be gathered, or a bundle is not what it should be. */
export class BundleError extends ClusterError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super("BUNDLE_FAILED", message, { hint, ...options });
  }
}

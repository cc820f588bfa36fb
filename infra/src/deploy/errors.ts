import { ClusterError } from "../errors.ts";

/** What was to be deployed is not there, does not fit, or does not work. */
export class DeployError extends ClusterError {}

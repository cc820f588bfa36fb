import { parseXml, XmlDocumentType, XmlElement, XmlError } from "@rgrove/parse-xml";

import { DownloadError } from "./errors.ts";

/** The text is no Metalink 4 document. */
export class MetalinkInvalidError extends DownloadError {
  constructor(detail: string, options?: ErrorOptions) {
    super("METALINK_INVALID", detail, options);
  }
}

/** The namespace of Metalink 4 (RFC 5854 §1.2), and that of what was before it. */
const NAMESPACE = "urn:ietf:params:xml:ns:metalink";
const NAMESPACE_3 = "http://www.metalinker.org/";

/**
 * Reads an XML document and resolves to its root, `metalink`. A document type is refused, and with it every entity that
 * could be defined: nothing grows, and nothing is fetched.
 *
 * @throws {MetalinkInvalidError} with the line, when it is not well-formed
 */
export function parseMetalinkRoot(text: string): XmlElement {
  const { children } = parse(text);
  if (children.some((node) => node instanceof XmlDocumentType)) {
    throw new MetalinkInvalidError("A document type is not accepted.");
  }
  const root = children.find((node) => node instanceof XmlElement);
  if (root && namespaceOf(root) === NAMESPACE_3) {
    throw new MetalinkInvalidError("This is Metalink 3; only Metalink 4 (RFC 5854) is understood.");
  }
  if (!root || !isNamed(root, "metalink")) {
    throw new MetalinkInvalidError(`The root element must be metalink, of the namespace ${NAMESPACE}.`);
  }
  return root;
}

/** The children of that name; those of other namespaces are extensions, and are left out (RFC 5854 §5). */
export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((node) => node instanceof XmlElement).filter((each) => isNamed(each, name));
}

function parse(text: string) {
  try {
    return parseXml(text, { preserveDocumentType: true });
  } catch (error) {
    if (error instanceof XmlError) {
      const [reason = ""] = error.message.split(" (line ", 1);
      throw new MetalinkInvalidError(`Line ${error.line}, column ${error.column}: ${reason}.`, {
        cause: error,
      });
    }
    // The parser goes down by calling itself.
    if (error instanceof RangeError) {
      throw new MetalinkInvalidError("The elements are nested too deeply.", { cause: error });
    }
    throw error;
  }
}

function isNamed(element: XmlElement, name: string): boolean {
  return element.name.slice(prefixOf(element).length) === name && namespaceOf(element) === NAMESPACE;
}

/** With its colon; empty when there is none. */
function prefixOf({ name }: XmlElement): string {
  return name.slice(0, name.indexOf(":") + 1);
}

/** Namespaces in XML 1.0 §6.1: the nearest declaration of the prefix counts. */
function namespaceOf(element: XmlElement): string | undefined {
  const prefix = prefixOf(element).slice(0, -1);
  const declaration = prefix === "" ? "xmlns" : `xmlns:${prefix}`;
  for (let at: XmlElement["parent"] = element; at instanceof XmlElement; at = at.parent) {
    const namespace = at.attributes[declaration];
    if (namespace !== undefined) return namespace;
  }
  return undefined;
}

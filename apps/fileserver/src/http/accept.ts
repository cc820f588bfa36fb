/**
 * Which of the offered media types an `Accept` header asks for by name, by weight (RFC 9110 §12.5.1). Wildcards count
 * for nothing: most clients send one without meaning anything by it.
 *
 * @returns undefined when none is named
 */
export function preferredType<T extends string>(
  accept: string | undefined,
  offered: readonly T[],
): T | undefined {
  let best: { type: T; weight: number } | undefined;
  for (const part of (accept ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const type = offered.find((each) => each === name);
    const weight = Number(parameters.find((each) => each.startsWith("q="))?.slice(2) ?? 1);
    if (type && weight > (best?.weight ?? 0)) best = { type, weight };
  }
  return best?.type;
}

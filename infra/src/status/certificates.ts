/** A certificate of the control plane. */
export interface Certificate {
  readonly name: string;
  /** ISO 8601. */
  readonly expires: string;
  readonly days: number;
}

/**
 * Reads what `kubeadm certs check-expiration` prints, authorities as well; lines of another form are passed over.
 *
 * @param now milliseconds since 1970
 */
export function parseCertificates(text: string, now: number): readonly Certificate[] {
  return text.split("\n").flatMap((line) => {
    // apiserver    Nov 23, 2027 05:31 UTC   364d   ca   no
    const [, name, date] = /^(\S+)\s+([A-Z][a-z]{2} \d{1,2}, \d{4} \d{2}:\d{2} UTC)\s/.exec(line) ?? [];
    if (name === undefined || date === undefined) return [];
    const expires = Date.parse(date);
    return [
      { name, expires: new Date(expires).toISOString(), days: Math.floor((expires - now) / 86_400_000) },
    ];
  });
}

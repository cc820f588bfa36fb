const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Kubernetes' quantity as a number: `250m` is 0.25, `1536Mi` 1610612736. NaN for what is none. */
export function quantity(text: string): number {
  const [, number, unit = ""] = /^([+-]?[\d.]+)([a-zA-Z]*)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}

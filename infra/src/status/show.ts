import type { Certificate } from "./certificates.ts";
import type { AutoscalerSummary, Component, Summary } from "./summary.ts";

/** A summary on one screen. */
export function showSummary(summary: Summary): string {
  const { nodes, components, certificates, workloads, pods, services, autoscalers, problems } = summary;
  const nodeTable = table(
    ["NODE", "STATUS", "ROLES", "VERSION", "RUNTIME", "AGE", "CPU", "MEMORY"],
    nodes.map(({ name, state, roles, version, runtime, ageSeconds, cpu, memory }) => [
      name,
      state,
      roles.join(",") || "-",
      version,
      runtime,
      age(ageSeconds),
      share(cpu, cores),
      share(memory, gibibytes),
    ]),
  );
  const podTable = table(
    ["POD", "READY", "STATUS", "RESTARTS", "AGE", "NODE"],
    pods.map(({ name, ready, state, restarts, ageSeconds, node }) => [
      name,
      ready,
      state,
      String(restarts),
      age(ageSeconds),
      node || "-",
    ]),
  );
  const lines = [
    `components    ${components.map(showComponent).join(", ")}`,
    `certificates  ${showCertificates(certificates)}`,
    ...(workloads.length === 0
      ? []
      : [
          `workloads     ${workloads.map(({ name, ready, wanted }) => `${name} ${ready}/${wanted}`).join(", ")}`,
        ]),
    ...services.map(({ name, address, ports }) => `service       ${name}  ${address}  ${ports.join(" ")}`),
    ...autoscalers.map((autoscaler) => `autoscaler    ${showAutoscaler(autoscaler)}`),
  ];
  const verdict =
    problems.length === 0 ? "Everything is well." : problems.map((problem) => `! ${problem}`).join("\n");
  return [nodeTable, lines.join("\n"), ...(pods.length === 0 ? [] : [podTable]), verdict].join("\n\n");
}

function showComponent({ name, ready, wanted }: Component): string {
  if (wanted !== 1) return `${name} ${ready}/${wanted}`;
  return `${name} ${ready === 1 ? "ok" : "NOT READY"}`;
}

function showCertificates(certificates: readonly Certificate[]): string {
  const [soonest] = certificates.toSorted((one, other) => one.days - other.days);
  if (soonest === undefined) return "unknown";
  const { name, expires, days } = soonest;
  return `${certificates.length}; the first to expire: ${name}, ${expires.slice(0, 10)}, in ${days} days`;
}

function showAutoscaler({ name, replicas, wanted, min, max, current, target }: AutoscalerSummary): string {
  const change = wanted === replicas ? "" : ` -> ${wanted}`;
  return `${name}  cpu ${current ?? "?"} % of ${target ?? "?"} %, ${replicas} replicas${change} (${min} to ${max})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Two units at most, as kubectl has them: `3d4h`, `12m`. */
export function age(seconds: number): string {
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  return hours % 24 === 0 ? `${hours / 24}d` : `${Math.floor(hours / 24)}d${hours % 24}h`;
}

function share({ used, of }: { used: number; of: number }, unit: (value: number) => string): string {
  return Number.isNaN(used)
    ? `?/${unit(of)}`
    : `${unit(used)}/${unit(of)} (${Math.round((used / of) * 100)} %)`;
}

const cores = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(2));
const gibibytes = (value: number) => `${(value / 2 ** 30).toFixed(1)}Gi`;

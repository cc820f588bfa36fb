import type { Summary } from "./summary.ts";

/** A summary on one screen. */
export function showSummary(summary: Summary): string {
  const { nodes, components, certificates, workloads, pods, services, autoscalers, problems } = summary;
  const soonest = certificates.toSorted((one, other) => one.days - other.days)[0];
  const sections = [
    table(
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
    ),
    `components    ${components.map((one) => `${one.name} ${one.wanted === 1 ? (one.ready === 1 ? "ok" : "NOT READY") : `${one.ready}/${one.wanted}`}`).join(", ")}`,
    `certificates  ${soonest === undefined ? "unknown" : `${certificates.length}; the first to expire: ${soonest.name}, ${soonest.expires.slice(0, 10)}, in ${soonest.days} days`}`,
    ...(workloads.length === 0
      ? []
      : [
          `workloads     ${workloads.map(({ name, ready, wanted }) => `${name} ${ready}/${wanted}`).join(", ")}`,
        ]),
    ...services.map(({ name, address, ports }) => `service       ${name}  ${address}  ${ports.join(" ")}`),
    ...autoscalers.map(
      ({ name, replicas, wanted, min, max, current, target }) =>
        `autoscaler    ${name}  cpu ${current ?? "?"} % of ${target ?? "?"} %, ${replicas} replicas${wanted === replicas ? "" : ` -> ${wanted}`} (${min} to ${max})`,
    ),
    ...(pods.length === 0
      ? []
      : [
          table(
            ["POD", "READY", "STATUS", "RESTARTS", "AGE", "NODE"],
            pods.map(({ name, ready, state, restarts, ageSeconds, node }) => [
              name,
              ready,
              state,
              String(restarts),
              age(ageSeconds),
              node || "-",
            ]),
          ),
        ]),
    problems.length === 0 ? "Everything is well." : problems.map((problem) => `! ${problem}`).join("\n"),
  ];
  return sections
    .map((section, index) => (index > 0 && section.includes("\n") ? `\n${section}\n` : section))
    .join("\n")
    .replaceAll("\n\n\n", "\n\n")
    .trimEnd();
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

import { commandLine } from "../node/quote.ts";
import type { Node } from "../node/node.ts";
import type { Addresses } from "./smoke.ts";

/** What the operator is told at the end. */
export interface Farewell {
  readonly addresses: Addresses;
  readonly namespace: string;
}

/** Where the services are, and what to type next. */
export function farewell(controlPlane: Node, { addresses, namespace }: Farewell): string {
  const { fileserver, downloader } = addresses;
  const [program, ...login] = controlPlane.login;
  const tunnel = [
    program,
    "-N",
    "-L",
    `8080:${host(fileserver)}:8080`,
    "-L",
    `3000:${host(downloader)}:3000`,
    ...login,
  ];
  return [
    "Both services answer inside the cluster, and nowhere else:",
    `  fileserver  ${fileserver}`,
    `  downloader  ${downloader}`,
    "",
    "To use them from this machine, leave this running:",
    `  ${commandLine(tunnel)}`,
    "and then:",
    "  curl -T README.md http://127.0.0.1:8080/files/docs/",
    `  curl --json '{"url":"https://www.debian.org/"}' http://127.0.0.1:3000/downloads`,
    "",
    "To see how they are:",
    "  pnpm cluster status",
    "  pnpm cluster logs --follow",
    `  pnpm cluster kubectl -n ${namespace} get pods`,
  ].join("\n");
}

function host(url: string): string {
  return new URL(url).hostname;
}

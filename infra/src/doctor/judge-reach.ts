import type { NodeSpec } from "../inventory/inventory.ts";
import type { Facts } from "./facts.ts";
import { type Finding, Findings } from "./finding.ts";

/** Judges what `reach.sh` found: sources and other nodes, seen from this one. */
export function judgeReach(node: NodeSpec, facts: Facts): readonly Finding[] {
  const findings = new Findings(node.name);
  judgeSources(findings, facts);
  const isMember = facts.one("joined") !== "";
  for (const [name = "", protocol = "", port = "", answer = "", milliseconds = ""] of facts.all("peer")) {
    judgePeer(
      findings,
      { name, port: `${port}/${protocol}`, answer, milliseconds, isVxlan: protocol === "udp" },
      isMember,
    );
  }
  return findings.list;
}

function judgeSources(findings: Findings, facts: Facts): void {
  if (facts.all("no-program").some(([program]) => program === "curl")) {
    findings.warning(
      "sources",
      "They were not tried: curl is missing (up installs it).",
      "apt-get install curl",
    );
  }
  for (const [url = "", status = "", seconds = "", reason = ""] of facts.all("url")) {
    const code = Number(status);
    const host = URL.parse(url)?.hostname ?? url;
    if (code === 0)
      findings.error(
        "sources",
        `${url} cannot be reached: ${reason.replace(/^curl: \(\d+\) /, "") || "no answer"}`,
        `curl -vI ${url}`,
      );
    // A registry asks who one is before it says anything else: it is there.
    else if (code < 400 || (code === 401 && /\/v2\/?$/.test(url)))
      findings.ok("sources", `${url} answers in ${Math.round(Number(seconds) * 1000)} ms`);
    else if (code === 401 || code === 403 || code === 407)
      findings.error(
        "sources",
        `${host} answers ${code} for ${url}.`,
        "Set sources.credentials in the inventory, and the variable that it names.",
      );
    else
      findings.error(
        "sources",
        `${host} answers ${code} for ${url}.`,
        "Check sources and the versions of parts in the inventory.",
      );
  }
}

interface Peer {
  readonly name: string;
  readonly port: string;
  readonly answer: string;
  readonly milliseconds: string;
  readonly isVxlan: boolean;
}

function judgePeer(findings: Findings, peer: Peer, isMember: boolean): void {
  const { name, port, answer, milliseconds, isVxlan } = peer;
  // Nobody listens yet, and the machine itself says so: the way there is open.
  if (answer === "open" || answer === "refused")
    findings.ok(
      "peers",
      `${name} ${port} ${isVxlan ? "" : `in ${milliseconds} ms `}${answer === "open" ? "answers" : "is open to us"}`,
    );
  else if (answer !== "silent")
    findings.error(
      "peers",
      `${name} ${port}: ${answer}`,
      "Check the addresses in the inventory, and the routes between the nodes.",
    );
  else if (!isVxlan)
    findings.error(
      "peers",
      `${name} ${port} does not answer: something on the way drops it.`,
      `Open ${port} between the nodes (the provider's security group, ufw, firewalld).`,
    );
  // VXLAN itself answers nothing.
  else if (isMember) findings.ok("peers", `${name} ${port} is in use by flannel`);
  else
    findings.warning(
      "peers",
      `${name} ${port} says nothing: a firewall may drop it, or its refusals. Pods of different nodes talk over it.`,
      `Open ${port} between the nodes (the provider's security group, ufw, firewalld).`,
    );
}

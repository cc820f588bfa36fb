import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { FakeNode } from "../node/fake-node.ts";
import { testVerb } from "../steps/testing.ts";
import { kubectl } from "../verbs/kubectl.ts";
import { logArguments } from "../verbs/logs.ts";
import { ssh } from "../verbs/ssh.ts";
import { kubectlCommand } from "./attached.ts";

const run = promisify(execFile);
let folder = "";

// In kubectl's place: says what it is given, and ends with a status of its own.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wharf-kubectl-"));
  const program = `#!/bin/sh\nprintf '%s|' "$KUBECONFIG" "$@"\ncat\nexit 7\n`;
  await writeFile(join(folder, "kubectl"), program, { mode: 0o755 });
  const login = `#!/bin/sh\nuntil [ "$1" = root@192.0.2.11 ]; do shift; done\nshift\nexec sh -c "$*"\n`;
  await writeFile(join(folder, "ssh"), login, { mode: 0o755 });
  await writeFile(join(folder, "sudo"), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 });
});

afterAll(() => rm(folder, { recursive: true }));

async function ask(script: string): Promise<{ code: number; stdout: string }> {
  const PATH = `${folder}:${process.env["PATH"]}`;
  return await run("sh", ["-c", script], { env: { ...process.env, PATH } }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  );
}

test("kubectl gets its words as they were given, the standard input, and keeps its status", async () => {
  const command = kubectlCommand([
    "get",
    "pods",
    "-o",
    "jsonpath={.items[*].metadata['name']}",
    "two words",
    "$HOME",
  ]);
  expect(await ask(`echo input | ${command}`)).toEqual({
    code: 7,
    stdout:
      "/etc/kubernetes/admin.conf|get|pods|-o|jsonpath={.items[*].metadata['name']}|two words|$HOME|input\n",
  });
});

test.for([
  ["here", "cat; exit 3"],
  ["here", "--", "cat;", "exit", "3"],
])("ssh %j has this process' own standard input and output, and its status", async (words) => {
  const verb = new URL("../verbs/ssh.ts", import.meta.url).href;
  const program = `
      const { ssh } = await import(${JSON.stringify(verb)});
      const node = { name: "here", login: ["sh", "-c", 'eval "$1"', "sh"] };
      process.exitCode = await ssh.run({
        positionals: ${JSON.stringify(words)},
        options: { isDryRun: false },
        signal: new AbortController().signal,
        cluster: async () => ({ nodes: [node] }),
      });`;
  const file = join(folder, `ssh-${words.length}.mts`);
  await writeFile(file, program);
  expect(await ask(`echo through | ${process.execPath} --conditions=source ${file}`)).toEqual({
    code: 3,
    stdout: "through\n",
  });
});

test.for([
  [
    kubectl,
    ["get", "pods", "-o", "jsonpath={.items['x']}"],
    "/etc/kubernetes/admin.conf|get|pods|-o|jsonpath={.items['x']}|input\n",
  ],
  [ssh, ["here", "kubectl", "'two words'"], "|two words|input\n"],
] as const)(
  "a dry run of $name runs nothing, and says the line that would",
  async ([verb, words, expected]) => {
    const node = new FakeNode("here");
    const { verb: context, told } = testVerb([node], { isDryRun: true, positionals: words });
    expect(await verb.run(context)).toBe(0);
    expect(told).toHaveLength(1);
    expect((await ask(`echo input | ${told[0]}`)).stdout).toBe(expected);
  },
);

test.for([
  [undefined, {}, "--all-containers --prefix --max-log-requests=40 --tail=100"],
  [
    "downloader",
    { follow: true, tail: "5" },
    "--container=downloader --prefix --max-log-requests=40 --tail=5 --follow",
  ],
  [
    undefined,
    { since: "10m", previous: true },
    "--all-containers --prefix --max-log-requests=40 --since=10m --tail=-1 --previous",
  ],
] as const)("logs of %s with %o", ([container, values, expected]) => {
  expect(logArguments("wharf", container, values).join(" ")).toBe(
    `logs --namespace=wharf --selector=app.kubernetes.io/name=wharf ${expected}`,
  );
});

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Sshd, sshdLacks } from "../testing/sshd.ts";

const MAIN = fileURLToPath(new URL("../testing/main.ts", import.meta.url));

/** Starts the command line with verbs of its own. */
function start(args: readonly string[], folder = "/tmp") {
  const environment = { PATH: process.env["PATH"], INIT_CWD: folder };
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...args], { env: environment });
  child.stdin.end();
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([stdout, stderr, [status]]) => ({ stdout, stderr, status: status as number | null }),
  );
  return { child, ended };
}

const run = (args: readonly string[], folder?: string) => start(args, folder).ended;

describe("plain lines, when not at a terminal", () => {
  test("one for each event, with its node, and a summary with the time of each phase", async () => {
    const { stdout, stderr, status } = await run(["work", "a", "b"]);
    const lines = stdout.split("\n");
    expect(lines.slice(0, 2)).toEqual(["given a b", "== things"]);
    expect(lines).toContain("[one] first: changed: installed it");
    expect(lines).toContain("[two] second: halfway");
    expect(lines).toContain("[two] second: ok");
    expect(lines.indexOf("[one] second: ok")).toBeLessThan(lines.indexOf("[one] third: ok"));
    expect(stdout).toMatch(/\nwork took 0\.\d s: 2 changed, 4 ok\n {2}things {2}0\.\d s\n$/);
    expect(stdout).not.toContain("\u001b");
    expect([stderr, status]).toEqual(["", 0]);
  });

  test("a dry run says what would change", async () => {
    const { stdout } = await run(["work", "--dry-run"]);
    expect(stdout).toContain("[one] first: would change: installed it\n");
    expect(stdout).toContain("2 would change, 4 ok");
  });

  test("a failure ends its node's tasks and begins no others; what ran is counted", async () => {
    const { stdout, stderr, status } = await run(["work", "--fail", "two"]);
    expect(stdout).toContain("[two] second: failed: it broke\n");
    expect(stdout).not.toContain("[two] third");
    expect(stderr).toContain("it broke");
    expect(status).toBe(1);
  });
});

const hasScript = spawnSync("script", ["--version"]).status === 0;
describe.skipIf(!hasScript)(`at a terminal${hasScript ? "" : " (needs script, of bsdutils)"}`, () => {
  /** What is drawn, with the movements of the cursor. */
  const draw = (command: string, environment: Record<string, string> = {}) =>
    spawnSync(
      "script",
      [
        "-qec",
        `stty cols 100 rows 40; "${process.execPath}" --conditions=source "${MAIN}" ${command}`,
        "/dev/null",
      ],
      {
        encoding: "utf8",
        env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", ...environment },
      },
    );

  test("a list, with each node's tasks below it, and what became of them", () => {
    const { stdout, status } = draw("work --fail two");
    const drawn = stripVTControlCharacters(stdout).replaceAll("\r", "");
    const end = drawn.slice(drawn.lastIndexOf("✔ one"));
    expect(end).toMatch(/^✔ one\n {2}✔ first: changed: installed it\n {2}✔ second: ok\n {2}✔ third: ok\n/);
    expect(end).toMatch(
      /two\n {2}✔ first: changed: installed it\n {2}✖ second: failed: it broke\n {2}↓ third\n/,
    );
    expect(end).toContain("work took");
    expect(status).toBe(1);
  });

  test("has colours, but not with NO_COLOR", () => {
    const colour = "\u001B[32m";
    expect(draw("work").stdout).toContain(colour);
    expect(draw("work", { NO_COLOR: "1" }).stdout).not.toContain(colour);
  });

  test("lines all the same with --verbose, so that what nodes print has its place", () => {
    expect(draw("work --verbose").stdout).toContain("[one] first: changed: installed it");
  });
});

describe("--json", () => {
  test("prints one document, and nothing else", async () => {
    const { stdout, stderr, status } = await run(["work", "--json"]);
    const document = JSON.parse(stdout) as Record<string, unknown>;
    expect(document).toMatchObject({ verb: "work", status: 0, seconds: expect.any(Number) });
    expect(document["results"]).toEqual({ answer: 42 });
    expect(document["phases"]).toEqual([
      {
        title: "things",
        seconds: expect.any(Number),
        tasks: expect.arrayContaining([
          { node: "one", title: "first", changes: ["installed it"], seconds: expect.any(Number) },
        ]),
      },
    ]);
    expect([stderr, status]).toEqual(["", 0]);
  });

  test("tells a failure with its code", async () => {
    const { stdout, status } = await run(["wait", "--json", "-i", "/nowhere/cluster.yaml"]);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 2,
      error: { code: "INVENTORY_INVALID", problems: ["/nowhere/cluster.yaml does not exist"] },
    });
    expect(status).toBe(2);
  });
});

test("wrong use is a document as well, with --json", async () => {
  const { stdout, stderr, status } = await run(["work", "--json", "--bogus"]);
  expect(JSON.parse(stdout)).toEqual({
    status: 2,
    error: { code: "USAGE", message: "there is no option --bogus" },
  });
  expect([stderr, status]).toEqual(["", 2]);
});

test("help needs no verb, whatever else is given", async () => {
  const { stdout, status } = await run(["-i", "x", "--help"]);
  expect(stdout).toMatch(/^Usage: pnpm cluster <verb>/);
  expect(status).toBe(0);
});

test("wrong use is told on standard error, with status 2", async () => {
  const { stdout, stderr, status } = await run(["work", "--jsn"]);
  expect(stderr).toBe('there is no option --jsn: did you mean "--json"?\n');
  expect([stdout, status]).toEqual(["", 2]);
});

test("a question that nobody can answer is wrong use; --yes answers it", async () => {
  const [asked, answered] = await Promise.all([run(["ask"]), run(["ask", "--yes"])]);
  expect(asked).toMatchObject({ status: 2, stderr: "Really? There is nobody to ask: say --yes.\n" });
  expect(answered).toMatchObject({ status: 0, stdout: "yes: pnpm deploy:cluster\n" });
});

test("relative paths begin where the operator is, whatever folder pnpm runs it in", async () => {
  const { stdout } = await run(["pass", "--inventory", "b.yaml", "ls", "-l"], "/some/where");
  expect(JSON.parse(stdout)).toMatchObject({
    positionals: ["ls", "-l"],
    inventoryFile: "/some/where/b.yaml",
  });
});

test("commands to type next name the inventory as it was named, and only then", async () => {
  const [said, hint, not, json] = await Promise.all([
    run(["ask", "--yes", "--inventory", "the b.yaml"]),
    run(["work", "--fail", "one", "-i", "b.yaml"]),
    run(["work", "--fail", "one"]),
    run(["work", "--fail", "one", "-i", "b.yaml", "--json"]),
  ]);
  expect(said.stdout).toBe("yes: pnpm deploy:cluster --inventory 'the b.yaml'\n");
  expect(hint.stderr).toContain(
    "`pnpm cluster sandbox down --inventory b.yaml`, or pnpm cluster up --inventory b.yaml.\n",
  );
  expect(not.stderr).toContain("`pnpm cluster sandbox down`, or pnpm cluster up.\n");
  expect(JSON.parse(json.stdout)).toMatchObject({
    error: { hint: "`pnpm cluster sandbox down`, or pnpm cluster up." },
  });
});

test("a folder that nothing can be kept in is told as such", async () => {
  const folder = mkdtempSync("/tmp/wharf-test-");
  writeFileSync(
    join(folder, "cluster.yaml"),
    "nodes: [{ name: a, address: 192.0.2.1, role: control-plane }]\n",
  );
  writeFileSync(join(folder, "cluster.state"), "a file");
  const { stderr, status } = await run(["wait"], folder);
  rmSync(folder, { recursive: true });
  expect(stderr).toMatch(/^\S+cluster\.state cannot be written: .*\n\nHost keys/);
  expect(status).toBe(1);
});

const lacks = sshdLacks();
describe.skipIf(lacks !== undefined)(`interrupted${lacks === undefined ? "" : ` (needs ${lacks})`}`, () => {
  const sshd = new Sshd();
  const folder = mkdtempSync("/tmp/wharf-test-");
  beforeAll(async () => {
    await sshd.start();
    const { address, ssh } = sshd.target;
    const node = `{ name: a, address: 192.0.2.1, role: control-plane, ssh: { host: ${address}, user: root, port: ${ssh.port}, key: ${ssh.key} } }`;
    writeFileSync(join(folder, "cluster.yaml"), `nodes: [${node}]\n`);
  });
  afterAll(async () => {
    await sshd[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  const sleeping = () =>
    execFileSync("ps", ["-eo", "stat=,args="], { encoding: "utf8" }).includes("sleep 4712.5");
  const until = async (isThere: boolean) => {
    for (let tries = 0; tries < 1500 && sleeping() !== isThere; tries += 1) await delay(20);
    expect(sleeping()).toBe(isThere);
  };

  test("once: what runs on the nodes is ended, and it is said so, with status 1", async () => {
    const { child, ended } = start(["wait"], folder);
    await until(true);
    child.kill("SIGINT");
    const { stdout, stderr, status } = await ended;
    expect(sleeping()).toBe(false);
    expect(stdout).toContain("[a] waits: failed: a: echo waiting; sleep 4712.5: interrupted\n");
    expect(stderr).toContain("interrupted\n");
    expect(stderr).toMatch(/transcript: .*cluster\.state\/logs\/\d+T\d+Z-wait-\d+\.log\n/);
    expect(stderr).toContain(`-wait-${child.pid}.log`);
    expect(status).toBe(1);
  });

  test.each(["SIGKILL", "twice"])("%s: the node ends by itself what ran for it", async (how) => {
    const { child, ended } = start(["wait"], folder);
    await until(true);
    child.kill(how === "twice" ? "SIGINT" : "SIGKILL");
    if (how === "twice") child.kill("SIGTERM");
    await ended;
    await until(false);
    expect(sleeping()).toBe(false);
  });
});

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { NodeBusyError, NodeCommandError, NodeUnreachableError } from "../errors.ts";
import { Sshd, sshdLacks } from "../testing/sshd.ts";
import { Secrets } from "./secrets.ts";
import type { SshTarget } from "./ssh-login.ts";
import { SshNode } from "./ssh-node.ts";
import { Transcript } from "./transcript.ts";

const lacks = sshdLacks();

describe.skipIf(lacks !== undefined)(
  `a node reached by ssh${lacks === undefined ? "" : ` (needs ${lacks})`}`,
  () => {
    const sshd = new Sshd();
    let folder: string;
    let nodes: SshNode[];
    let interrupted: AbortController;
    let sockets: number;
    const notices: string[] = [];

    /** For what leaves the connection as it is. */
    let common: SshNode;
    beforeAll(async () => {
      await sshd.start();
      common = make(sshd.folder, new AbortController().signal);
    });
    afterAll(async () => {
      await common.close();
      await sshd[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      folder = mkdtempSync("/tmp/wharf-test-");
      nodes = [];
      interrupted = new AbortController();
      sockets = 0;
      notices.length = 0;
    });
    afterEach(async () => {
      await Promise.all(nodes.map((node) => node.close()));
      rmSync(folder, { recursive: true });
    });

    interface Change {
      readonly target?: SshTarget;
      readonly holder?: string;
      readonly patienceSeconds?: number;
    }
    const make = (place: string, signal: AbortSignal, change: Change = {}): SshNode => {
      const secrets = new Secrets();
      return new SshNode(change.target ?? sshd.target, {
        knownHosts: join(place, "known_hosts"),
        holder: change.holder,
        patienceSeconds: change.patienceSeconds ?? 5,
        graceSeconds: 1,
        notice: (name, text) => notices.push(`${name}: ${text}`),
        transcript: new Transcript(join(place, "run.log"), secrets),
        secrets,
        signal,
        newSocket: () => join(place, `s${(sockets += 1)}`),
      });
    };
    /** A node with a connection and a transcript of its own. */
    const connect = (change?: Change): SshNode => {
      const node = make(folder, interrupted.signal, change);
      nodes.push(node);
      return node;
    };
    const transcript = () => {
      const file = join(folder, "run.log");
      return existsSync(file) ? readFileSync(file, "utf8") : "";
    };
    /** Processes whose command line holds a number that only one test uses. */
    const running = (mark: string) =>
      execFileSync("ps", ["-eo", "stat=,args="], { encoding: "utf8" })
        .split("\n")
        .filter((line) => line.includes(mark) && !line.startsWith("Z"));
    /** As when this program is killed, or the line is cut. */
    const cutConnection = (socket: string) => {
      const lines = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
      for (const line of lines.filter((one) => one.includes(`ControlPath="${join(folder, socket)}"`))) {
        process.kill(Number.parseInt(line, 10), "SIGKILL");
      }
    };
    const until = async (condition: () => boolean) => {
      for (let tries = 0; tries < 1500 && !condition(); tries += 1) await delay(20);
      expect(condition()).toBe(true);
    };

    test("a script is run as root with its variables, and nothing on its standard input", async () => {
      const variables = { NAME: "it's\n$HOME `id`", EMPTY: "" };
      const { stdout, stderr } = await common.run('id -u; echo "<$NAME$EMPTY>"; cat; echo no >&2\n', {
        variables,
      });
      expect(stdout).toBe("0\n<it's\n$HOME `id`>\n");
      expect(stderr).toBe("no\n");
    });

    test("scripts run beside each other over one connection", async () => {
      const node = connect();
      const outputs = await Promise.all([1, 2, 3, 4, 5].map((n) => node.run(`echo ${n}`)));
      expect(outputs.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n", "4\n", "5\n"]);
      expect(sockets).toBe(1);
    });

    test("a command is fed bytes as they are", async () => {
      const bytes = Buffer.alloc(3_000_000, "wharf\0\n");
      const { stdout } = await common.feed("wc -c; echo $MORE", Readable.from([bytes]), {
        variables: { MORE: "x" },
      });
      expect(stdout.split(/\s+/)).toEqual(["3000000", "x", ""]);
    });

    test("a command that does not read what it is fed is done all the same", async () => {
      const bytes = Readable.from([Buffer.alloc(3_000_000)]);
      await expect(common.feed("echo done", bytes)).resolves.toMatchObject({ stdout: "done\n" });
    });

    test("a failure says what was run, where, and what it wrote; the script is kept", async () => {
      const script = "echo out\necho 'no space left on device' >&2\nexit 3\n";
      const failed = await common
        .run(script, { step: "20-disk", variables: { A: "b c" } })
        .catch((e: unknown) => e);
      expect(failed).toBeInstanceOf(NodeCommandError);
      expect(failed).toMatchObject({
        code: "NODE_COMMAND_FAILED",
        message: "loopback: 20-disk: ended with status 3",
        status: 3,
        stdout: "out\n",
        stderr: "no space left on device\n",
        hint: expect.stringContaining("disk is full"),
      });
      const { command } = failed as NodeCommandError;
      const again = execFileSync("sh", ["-c", `${command} 2>&1 || echo $?`], { encoding: "utf8" });
      expect(again).toBe("out\nno space left on device\n3\n");
    });

    test.each(["exit 255", "kill -KILL $$", "set -u; echo $MISSING", "false; echo never"])(
      "`%s` is the command's failure, not the connection's",
      async (script) => {
        await expect(common.run(script)).rejects.toBeInstanceOf(NodeCommandError);
      },
    );

    test("secrets are in neither transcript nor errors nor on a command line", async () => {
      const node = connect();
      const secrets = { PASSWORD: "correct horse" };
      const script =
        'echo "$PASSWORD"; echo "$PASSWORD" | base64; echo abcdef.0123456789abcdef; ps -eo args; exit 1';
      const failed = (await node.run(script, { secrets }).catch((e: unknown) => e)) as NodeCommandError;
      await node.run("echo tell nobody", { hasSecretOutput: true });
      const kept = readdirSync(folder).filter((name) => name.endsWith(".sh"));
      expect(kept).toHaveLength(1);
      const all = [
        transcript(),
        failed.stdout,
        failed.message,
        readFileSync(join(folder, kept[0] ?? ""), "utf8"),
      ].join();
      expect(all).toContain("***");
      expect(all).not.toMatch(/correct horse|abcdef\.0123456789abcdef|> tell nobody/);
    });

    test("a command that takes too long is ended on the node, with all it started", async () => {
      const script = "sleep 4711.1 & sleep 4711.1; echo never";
      const failed = await common.run(script, { timeoutMs: 500 }).catch((e: unknown) => e);
      expect(failed).toMatchObject({
        message: expect.stringContaining("not done after 0.5 s"),
        status: null,
      });
      await until(() => running("sleep 4711.1").length === 0);
    });

    test("an interruption ends what runs, and nothing more is begun", async () => {
      const node = connect();
      const run = node.run("sleep 4711.3").catch((e: unknown) => e);
      await until(() => running("sleep 4711.3").length > 0);
      interrupted.abort();
      expect(await run).toMatchObject({ message: expect.stringContaining("interrupted") });
      await until(() => running("sleep 4711.3").length === 0);
      await expect(node.run("true")).rejects.toThrow("aborted");
    });

    test("closing ends what runs and leaves nothing on the node", async () => {
      const node = connect();
      const run = node.run('echo "kept in $0"; sleep 4711.4').catch((e: unknown) => e);
      await until(() => /> kept in /.test(transcript()));
      const [, kept = ""] = /> kept in (.*)\/1\.sh/.exec(transcript()) ?? [];
      expect(existsSync(kept)).toBe(true);
      await node.close();
      await run;
      expect(running("sleep 4711.4")).toEqual([]);
      expect(existsSync(kept)).toBe(false);
    });

    test("a lost connection is told, its commands are ended, and the next command makes another", async () => {
      const node = connect();
      const run = node.run("sleep 4711.5").catch((e: unknown) => e);
      await until(() => running("sleep 4711.5").length > 0);
      cutConnection("s1");
      expect(await run).toBeInstanceOf(NodeUnreachableError);
      await until(() => running("sleep 4711.5").length === 0);
      await expect(node.run("echo again")).resolves.toMatchObject({ stdout: "again\n" });
      expect(sockets).toBe(2);
    });

    test("one run at a time changes a node; the next waits for it and says so", async () => {
      const first = connect({ holder: "up by one" });
      await first.run("true");
      const second = connect({ holder: "up by two" });
      const waiting = second.run("echo mine");
      await until(() => notices.length > 0);
      expect(notices).toEqual(["loopback: waiting for an earlier run to end: up by one"]);
      await expect(connect().run("echo reading")).resolves.toMatchObject({ stdout: "reading\n" });
      await first.close();
      await expect(waiting).resolves.toMatchObject({ stdout: "mine\n" });
    });

    test("an earlier run that does not end is named", async () => {
      await connect({ holder: "up by one" }).run("true");
      const second = connect({ holder: "up by two", patienceSeconds: 1 });
      const failed = await second.run("true").catch((e: unknown) => e);
      expect(failed).toBeInstanceOf(NodeBusyError);
      expect(failed).toMatchObject({ code: "NODE_BUSY", message: expect.stringContaining("up by one") });
    });

    test("an earlier run that was killed is ended on the node before the next begins", async () => {
      const first = connect({ holder: "up by one" });
      const run = first.run("trap '' TERM; sleep 4711.6; sleep 4711.6").catch((e: unknown) => e);
      await until(() => running("sleep 4711.6").length > 0);
      cutConnection("s1");
      await connect({ holder: "up by two", patienceSeconds: 30 }).run("true");
      expect(running("sleep 4711.6")).toEqual([]);
      await run;
    }, 30_000);

    test.each([
      ["another key", { key: sshd.path("stranger") }, /Permission denied/, /authorized_keys/],
      ["a port where nothing listens", { port: 1 }, /Connection refused/, /is sshd running/],
    ])("%s is told, with what to do", async (_, change, message, hint) => {
      const { ssh, ...target } = sshd.target;
      const wrong = { ...target, ssh: { ...ssh, ...change } };
      const failed = await connect({ target: wrong })
        .run("true")
        .catch((e: unknown) => e);
      expect(failed).toBeInstanceOf(NodeUnreachableError);
      expect(failed).toMatchObject({
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      });
    });

    test("a machine that took the address of another is refused", async () => {
      await connect().run("true");
      const other = readFileSync(sshd.path("stranger.pub"), "utf8").split(" ").slice(0, 2).join(" ");
      const { port } = sshd.target.ssh;
      const known = `[127.0.0.1]:${port} ${other}\n`;
      rmSync(join(folder, "known_hosts"));
      execFileSync("sh", ["-c", `cat > ${join(folder, "known_hosts")}`], { input: known });
      await expect(connect().run("true")).rejects.toMatchObject({
        hint: expect.stringContaining("known_hosts"),
      });
    });

    test("the transcript has every command with its step, its output and how it ended", async () => {
      await connect().run("echo one\nprintf two", { step: "10-names" });
      const lines = transcript()
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/^\S+ /, ""));
      expect(lines).toEqual([
        "[loopback] 10-names: begins",
        "[loopback] 10-names: | echo one",
        "[loopback] 10-names: | printf two",
        "[loopback] 10-names: > one",
        "[loopback] 10-names: > two",
        expect.stringMatching(/^\[loopback\] 10-names: status 0 after \d+\.\d s$/),
      ]);
      expect(existsSync(join(folder, "known_hosts"))).toBe(true);
    });
  },
);

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { SshTarget } from "../node/ssh-login.ts";

const SSHD = "/usr/sbin/sshd";

/** What a test with a real sshd lacks on this machine; undefined when it lacks nothing. */
export function sshdLacks(): string | undefined {
  if (userInfo().uid !== 0) return "root";
  const programs = {
    [SSHD]: "openssh-server",
    "/usr/bin/ssh": "openssh-client",
    "/usr/bin/flock": "util-linux",
  };
  for (const [file, name] of Object.entries(programs)) {
    try {
      accessSync(file);
    } catch {
      return name;
    }
  }
  return undefined;
}

/** An sshd on loopback that lets a key of its own in as root. */
export class Sshd {
  readonly folder = mkdtempSync(join(tmpdir(), "wharf-sshd-"));
  #process: ChildProcess | undefined;
  #port = 0;

  get target(): SshTarget {
    return {
      name: "loopback",
      address: "127.0.0.1",
      ssh: { user: "root", port: this.#port, key: this.path("user") },
    };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async start(): Promise<void> {
    for (const name of ["host", "user", "stranger"]) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", this.path(name)]);
    }
    this.#port = await freePort();
    const settings = {
      Port: this.#port,
      ListenAddress: "127.0.0.1",
      HostKey: this.path("host"),
      AuthorizedKeysFile: this.path("user.pub"),
      PidFile: "none",
      StrictModes: "no",
      UsePAM: "no",
      PermitRootLogin: "yes",
      // What root's shell reads at its start on this machine is none of the tests' business.
      SetEnv: `HOME=${this.folder}`,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
    writeFileSync(this.path("config"), lines.join(""));
    mkdirSync("/run/sshd", { recursive: true });
    await this.resume();
  }

  /** Listens again after `stop`. */
  async resume(): Promise<void> {
    this.#process = spawn(SSHD, ["-D", "-e", "-f", this.path("config")], { stdio: "ignore" });
    while (!(await answers(this.#port))) await delay(20);
  }

  /** Listens no more; connections that there are stay. */
  async stop(): Promise<void> {
    if (this.#process === undefined) return;
    const ended = once(this.#process, "exit");
    this.#process.kill();
    this.#process = undefined;
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

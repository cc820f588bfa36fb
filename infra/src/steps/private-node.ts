import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

import { NodeCommandError } from "../errors.ts";
import type { Node, Output, RunOptions } from "../node/node.ts";

/** What scripts write to: folders of the node's own. The last one hides where they all are. */
const FOLDERS = ["/etc", "/opt", "/usr/local", "/var/lib", "/var/log", "/root", "/run", "/tmp"];

/** Of its own: above all the processes, or a script that ends some would end this machine's. */
const NAMESPACES = "--mount --net --uts --ipc --pid --fork --kill-child --mount-proc".split(" ");

/** What programs need of this machine's `/etc`. */
const NEEDED = ["alternatives", "group", "ld.so.cache", "nsswitch.conf", "passwd", "protocols", "services"];

/**
 * This machine in the place of a node, for tests that run scripts as they are: in namespaces of their own, with folders
 * of their own over those that scripts write to. It has no systemd, apt has nothing to install, and no name is known.
 */
export class PrivateNode implements Node {
  readonly name: string;
  readonly login = ["false"] as const;
  /** Where its folders are: `${folder}/etc`. */
  readonly folder: string;

  private constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  /** @param name as an inventory has it */
  static async open(name = "k8s-worker"): Promise<PrivateNode> {
    const folder = await mkdtemp(join(tmpdir(), "wharf-node-"));
    for (const path of FOLDERS) await mkdir(join(folder, path), { recursive: true });
    for (const needed of NEEDED) {
      await cp(`/etc/${needed}`, join(folder, "etc", needed), {
        recursive: true,
        verbatimSymlinks: true,
        force: true,
      });
    }
    await writeFile(join(folder, "etc/hosts"), "127.0.0.1 localhost\n");
    return new PrivateNode(name, folder);
  }

  /** Puts a program in the place of a real one: a script, which is told its arguments. */
  async program(name: string, script: string): Promise<void> {
    await this.write(`/usr/local/bin/${name}`, `#!/bin/sh\n${script}\n`, 0o755);
  }

  async write(path: string, text: string, mode = 0o644): Promise<void> {
    const file = join(this.folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode });
  }

  /** A file's text; undefined when there is none. */
  async read(path: string): Promise<string | undefined> {
    return await readFile(join(this.folder, path), "utf8").catch(() => undefined);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  run(script: string, { step = "", variables, secrets, signal }: RunOptions = {}): Promise<Output> {
    const binds = FOLDERS.map((path) => `mount --bind ${this.folder}${path} ${path}`).join("\n");
    const whole = `mount --make-rprivate /\n${binds}\ncd /\n${script}`;
    const environment = { ...process.env, ...variables, ...secrets };
    return new Promise((resolve, reject) => {
      const args = [...NAMESPACES, "sh", "-eu", "-c", whole];
      execFile("unshare", args, { env: environment, signal }, (error, stdout, stderr) => {
        if (error === null) return resolve({ stdout, stderr });
        const status = typeof error.code === "number" ? error.code : null;
        return reject(new NodeCommandError({ node: this.name, step, command: "sh", status, stdout, stderr }));
      });
    });
  }

  feed(_command: string, _bytes: Readable): Promise<Output> {
    return Promise.reject(new Error("no step feeds a node"));
  }
}

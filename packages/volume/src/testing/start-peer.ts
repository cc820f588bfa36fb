import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { onTestFinished } from "vitest";

import type { PeerAnswer, PeerCalls, PeerRequest } from "./peer.ts";

/** A second process on a volume. One call at a time. */
export interface Peer {
  call<Name extends keyof PeerCalls>(
    name: Name,
    ...args: Parameters<PeerCalls[Name]>
  ): Promise<PeerResult<Name>>;
  /** Puts it to sleep, as a suspended container is, or wakes it. */
  sleep(isAsleep: boolean): void;
  /** Ends it with SIGKILL, and resolves when the system has let go of everything it had. */
  kill(): Promise<void>;
}

type PeerResult<Name extends keyof PeerCalls> = Awaited<ReturnType<PeerCalls[Name]>>;

/** Starts a second process on the volume at `directory`; it is killed when the test ends. */
export async function startPeer(directory: string): Promise<Peer> {
  const child = startScript("peer.ts", [directory]);
  const kill = (): Promise<void> => killAndWait(child);
  await nextAnswer(child);
  return {
    call: <Name extends keyof PeerCalls>(call: Name, ...args: Parameters<PeerCalls[Name]>) => {
      const answered = nextAnswer(child) as Promise<PeerResult<Name>>;
      child.send({ call, args } satisfies PeerRequest);
      return answered;
    },
    sleep: (isAsleep) => void child.kill(isAsleep ? "SIGSTOP" : "SIGCONT"),
    kill,
  };
}

/** Starts a script of this folder in a process of its own; it is killed when the test ends. */
export function startScript(name: string, args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=source", script, ...args], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  onTestFinished(() => killAndWait(child));
  return child;
}

async function killAndWait(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function nextAnswer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: PeerAnswer): void => {
      child.off("exit", onExit);
      if ("error" in answer) reject(new Error(answer.error));
      else resolve(answer.result);
    };
    const onExit = (): void => {
      child.off("message", onMessage);
      reject(new Error("The other process ended before it answered."));
    };
    child.once("message", onMessage).once("exit", onExit);
  });
}

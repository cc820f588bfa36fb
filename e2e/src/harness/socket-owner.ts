import { readFile, readdir, readlink } from "node:fs/promises";

/** Which of some processes has the socket of that port of 127.0.0.1; undefined when none has (Linux, proc(5)). */
export async function ownerOfPort(port: number, pids: readonly number[]): Promise<number | undefined> {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  const socket = lines.find(([, local]) => local === address);
  if (!socket) return undefined;
  for (const pid of pids) {
    const open = (await readdir(`/proc/${pid}/fd`)).map((fd) =>
      readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""),
    );
    if ((await Promise.all(open)).includes(`socket:[${socket[9]}]`)) return pid;
  }
  return undefined;
}

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, it } from "vitest";

import { submit, type Download } from "../harness/downloads.ts";
import { expectProblem, json, send } from "../harness/http.ts";
import { describeWith, program } from "../harness/needs.ts";
import { until } from "../harness/pace.ts";
import { freePort } from "../harness/port.ts";
import { curlAnswer } from "../harness/run.ts";
import { reaches } from "../harness/running.ts";
import { makeImage } from "./build-once.ts";
import { isReady } from "./container.ts";
import { plugin } from "./docker.ts";

const DOWNLOADS = 20;
const REPLICAS = [1, 2, 3];
const run = promisify(execFile);

describeWith("compose.yaml", [inject("missing"), plugin("compose"), program("curl")], () => {
  const { tag, clone } = inject("built");
  const urls = { fileserver: "", downloader: "" };
  let env: NodeJS.ProcessEnv = {};
  const compose = async (...args: string[]): Promise<string> => {
    const all = ["compose", "--project-name", `wharf-e2e-${process.pid}`, ...args];
    const { stdout, stderr } = await run("docker", all, { cwd: clone, env, maxBuffer: 1 << 26 });
    return stdout + stderr;
  };
  const areReady = () =>
    Promise.all(
      Object.values(urls).map((url) => isReady(url, () => compose("--profile", "postgres", "logs"))),
    );

  beforeAll(async () => {
    const [fileserver, downloader] = [await freePort(), await freePort()];
    Object.assign(urls, {
      fileserver: `http://127.0.0.1:${fileserver}`,
      downloader: `http://127.0.0.1:${downloader}`,
    });
    env = {
      ...process.env,
      TAG: tag,
      POSTGRES_IMAGE: makeImage("wharf-e2e-postgres:17", "make-postgres.sh"),
      FILESERVER_PORT: String(fileserver),
      DOWNLOADER_PORT: String(downloader),
      ALLOW_NETWORKS: "172.16.0.0/12,192.168.0.0/16",
    };
  });
  afterAll(() => compose("--profile", "postgres", "down", "--volumes", "--timeout", "5"));

  it("brings up both services, and the README's tour works", async () => {
    await compose("up", "--detach");
    await areReady();
    const files = `${urls.fileserver}/files`;
    const inClone = { cwd: clone };
    expect(await curlAnswer(["-T", "README.md", `${files}/docs/`], inClone)).toMatchObject({ status: 201 });
    const part = await curlAnswer(["-r", "0-6", `${files}/docs/README.md`]);
    expect(part).toMatchObject({ status: 206, body: "# Wharf" });
    const list = await curlAnswer(["-H", "Accept: application/json", `${files}/docs/`]);
    expect(JSON.parse(list.body)).toMatchObject({ path: "/docs/", entries: [{ name: "README.md" }] });
    const form = ["-F", "f=@LICENSE", "-F", "path=notes", "-F", "f=@LICENSE;filename=许可证.txt"];
    const posted = await curlAnswer([...form, `${files}/`], inClone);
    expect(JSON.parse(posted.body)).toMatchObject({
      files: [{ path: "/LICENSE" }, { path: "/notes/许可证.txt" }],
    });
    const late = ["-T", "README.md", "-H", "If-None-Match: *", `${files}/docs/README.md`];
    expect(await curlAnswer(late, inClone)).toMatchObject({ status: 412 });
    const forbidden = await submit(urls.downloader, { url: "http://169.254.169.254/latest/meta-data/" });
    expectProblem(forbidden, 422, "URL_FORBIDDEN");
    const url = "http://fileserver:8080/files/docs/README.md";
    const { id } = json(await submit(urls.downloader, { url, path: "fetched" })) as Download;
    await reaches(urls.downloader, id, "completed");
    expect((await send("GET", `${files}/fetched/README.md`)).body.toString()).toMatch(/^# Wharf/);
  });

  it("publishes nothing beyond loopback", async () => {
    const config = JSON.parse(await compose("--profile", "postgres", "config", "--format", "json")) as {
      services: Record<string, { ports?: { host_ip?: string }[] }>;
    };
    const ports = Object.values(config.services).flatMap((service) => service.ports ?? []);
    expect(ports.map(({ host_ip: address }) => address)).toEqual(["127.0.0.1", "127.0.0.1"]);
  });

  it("with --profile postgres, three downloaders do what is posted, each once, from one table", async () => {
    await compose("--profile", "postgres", "up", "--detach", "--scale", "downloader=3");
    for (const replica of REPLICAS)
      await until(
        `downloader ${replica} is there`,
        () => metrics(replica).then(Boolean, () => false),
        60_000,
      );
    const posted = await Promise.all(
      Array.from({ length: DOWNLOADS }, async (_, index) => {
        const url = `http://fileserver:8080/files/docs/README.md?${index}`;
        return json(await submit(urls.downloader, { url, path: `many/${index}.md` })) as Download;
      }),
    );
    for (const { id } of posted) await reaches(urls.downloader, id, "completed");

    const query = "select count(*), count(distinct id) from downloads where state = 'completed'";
    const psql = ["psql", "--host=127.0.0.1", "--username=wharf", "--no-align", "--tuples-only"];
    const password = ["-e", "PGPASSWORD=wharf"];
    const counted = await compose("exec", "-T", ...password, "postgres", ...psql, `--command=${query}`);
    expect(counted.trim()).toBe(`${DOWNLOADS}|${DOWNLOADS}`);
    const done = await Promise.all(REPLICAS.map((replica) => completed(replica)));
    console.log(`completed by each of three: ${done.join(", ")}`);
    expect(done.reduce((sum, one) => sum + one)).toBe(DOWNLOADS);
    expect(done.filter((one) => one > 0).length).toBeGreaterThan(1);
  });

  const metrics = (replica: number): Promise<string> => {
    const script = "fetch('http://127.0.0.1:9030/metrics').then((r) => r.text()).then(console.log)";
    return compose("exec", "-T", "--index", String(replica), "downloader", "node", "-e", script);
  };
  /** How many downloads a replica says that it has completed. */
  const completed = async (replica: number): Promise<number> => {
    const text = await metrics(replica);
    return Number(/^wharf_downloads_total\{outcome="completed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };

  it("does not go over to Postgres while a downloader still works on SQLite", async () => {
    await compose("--profile", "postgres", "down", "--volumes", "--timeout", "5");
    await compose("up", "--detach");
    await areReady();
    const refused = compose("--profile", "postgres", "run", "--rm", "use-postgres");
    await expect(refused).rejects.toThrow("A downloader works on SQLite. Stop it first");
    await compose("stop", "downloader");
    await compose("--profile", "postgres", "run", "--rm", "use-postgres");
  });
});

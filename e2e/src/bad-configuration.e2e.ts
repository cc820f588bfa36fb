import { createServer, type AddressInfo } from "node:net";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { useFolder } from "./harness/folder.ts";
import { send } from "./harness/http.ts";
import { describeWith, ownServices } from "./harness/needs.ts";
import { runToEnd, startService, type AppName } from "./harness/service.ts";

const APPS: readonly AppName[] = ["fileserver", "downloader"];
const WRONG = {
  PORT: "http",
  METRICS_PORT: "70000",
  LOG_LEVEL: "loud",
  LOG_FORMAT: "xml",
  SHUTDOWN_DELAY_MS: "5s",
  SHUTDOWN_GRACE_MS: "-1",
  TRUST_PROXY: "everybody",
  DURABILITY: "some",
  MIN_FREE_BYTES: "lots",
  AUTH: "password",
};
const WRONG_OF: Readonly<Record<AppName, Record<string, string>>> = {
  fileserver: { MAX_UPLOAD_BYTES: "5 apples", UPLOAD_EXPIRY_MS: "a day", MAX_TRANSFERS: "0" },
  downloader: {
    ALLOW_NETWORKS: "10.0.0.0/99",
    ALLOW_PORTS: "80,http",
    MAX_ACTIVE: "0",
    LEASE_MS: "soon",
    MAX_BYTES: "5X",
    DATABASE_URL: "mysql://nowhere/",
    SEGMENTS: "many",
    SPEED_LIMIT: "fast",
    HTTPS_PROXY: "proxy.example:3128",
    WEBHOOK_SECRET: "short",
  },
};

describeWith("a configuration that is wrong", [ownServices], () => {
  const folder = useFolder();

  describe.each(APPS)("of the %s", (app) => {
    const end = (env: Record<string, string>) =>
      runToEnd(app, { VOLUME_DIR: join(folder.path, "unmade"), ...env });

    it("ends it with a message that names every bad variable at once, and changes nothing", async () => {
      const wrong = { ...WRONG, ...WRONG_OF[app] };
      const { code, errors } = await end(wrong);
      expect(code).toBe(1);
      for (const name of Object.keys(wrong)) expect(errors).toContain(`- ${name} `);
      expect(errors.split("\n").filter((line) => line.startsWith("  - ")).length).toBe(
        Object.keys(wrong).length,
      );
      expect(errors).not.toContain("    at "); // no stack
      expect(await readdir(folder.path)).not.toContain("unmade");
    });

    it("is refused when it asks for tokens, which this release does not have", async () => {
      const { code, errors } = await end({ AUTH: "token" });
      expect({ code, errors }).toMatchObject({
        code: 1,
        errors: expect.stringContaining("AUTH=token") as string,
      });
    });

    it.each(["0.0.0.0", "::", "192.0.2.7"])(
      "is refused when everybody could reach %s and AUTH is not set",
      async (host) => {
        const { code, errors } = await end({ HOST: host });
        expect(code).toBe(1);
        expect(errors).toContain(host);
        expect(errors).toContain("AUTH=none");
      },
    );

    it("is accepted beyond loopback with AUTH=none", async () => {
      const service = await startService(app, { VOLUME_DIR: folder.path, HOST: "0.0.0.0", AUTH: "none" });
      const url = `http://127.0.0.1:${new URL(service.url).port}`;
      expect((await send("GET", `${url}/readyz`)).status).toBe(200);
      expect(await service.end("SIGTERM")).toMatchObject({ code: 0 });
    });

    it("ends it with a message when the port is taken", async () => {
      const holder = createServer();
      await new Promise<void>((done) => void holder.listen(0, "127.0.0.1", done));
      const { port } = holder.address() as AddressInfo;
      const { code, errors } = await end({ PORT: String(port), VOLUME_DIR: folder.path });
      holder.close();
      expect(code).toBe(1);
      expect(errors).toContain(String(port));
      expect(errors).toContain("PORT");
      expect(errors).not.toContain("    at ");
    });

    it("ends it with a message when the volume's parent is missing, or the volume is a file", async () => {
      const file = join(folder.path, "file");
      await writeFile(file, "");
      for (const path of [join(folder.path, "missing", "volume"), file, join(file, "below")]) {
        const { code, errors } = await end({ VOLUME_DIR: path });
        expect(code).toBe(1);
        expect(errors).toContain("VOLUME_DIR");
        expect(errors).toContain(path);
        expect(errors).not.toContain("    at ");
      }
    });
  });
});

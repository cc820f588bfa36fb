import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

import { UsageError } from "../errors.ts";
import { parseInventory } from "../inventory/read.ts";
import { stateFolderOf } from "../inventory/state-folder.ts";
import { artefact } from "../steps/artefacts.ts";
import { profiles } from "../profiles/profiles.ts";
import { claim, ensureKey } from "./access.ts";
import { inventoryText, sandboxOf, writeInventory } from "./inventory-file.ts";
import { chooseOffer } from "./offer.ts";

const folder = () => mkdtempSync(join(tmpdir(), "wharf-sandbox-"));
const around = { environment: {}, overlays: ["hostpath"], components: [] };

/** A mirror's folder with the parts of v1.28, but for another flannel, and a crictl of its own making. */
function artefactsFolder(): string {
  const root = folder();
  const put = (path: string, text = "") => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const crictl =
    "files/kubernetes-sigs/cri-tools/releases/download/v1.28.0/crictl-v1.28.0-linux-amd64.tar.gz";
  put("files/core/stable/v1.28/deb/Packages");
  put(crictl);
  put(`${crictl}.sha256sum`, `${"a".repeat(64)}  crictl-v1.28.0-linux-amd64.tar.gz\n`);
  for (const version of ["v0.28.4", "v0.9.0"])
    put(`files/flannel-io/flannel/releases/download/${version}/kube-flannel.yml`);
  return root;
}

it("the inventory of a sandbox is one that every verb can read", async () => {
  const file = join(folder(), "cluster.yaml");
  await claim(stateFolderOf(file), "trial");
  await ensureKey(stateFolderOf(file));
  const spec = { name: "trial", subnet: "10.1.2", artefacts: undefined };
  const inventory = parseInventory(
    inventoryText(spec, stateFolderOf(file), await chooseOffer(spec, undefined)),
    file,
    around,
  );
  expect(inventory.profile).toBe("v1.37");
  expect(inventory.sources.packages).toBe("https://pkgs.k8s.io");
  expect(inventory.nodes.map(({ name, role, address, ssh }) => [name, role, address, ssh.user])).toEqual([
    ["k8s-master", "control-plane", "10.1.2.11", "root"],
    ["k8s-worker", "worker", "10.1.2.12", "root"],
  ]);
});

it("with a folder of artefacts, everything comes from the mirror, in the versions that the folder has", async () => {
  const file = join(folder(), "cluster.yaml");
  await claim(stateFolderOf(file), "trial");
  await ensureKey(stateFolderOf(file));
  const spec = { name: "trial", subnet: "10.1.2", artefacts: artefactsFolder() };
  const inventory = parseInventory(
    inventoryText(spec, stateFolderOf(file), await chooseOffer(spec, undefined)),
    file,
    around,
  );
  const profile = profiles.get(inventory.profile);
  if (profile === undefined) throw new Error("no profile");
  expect(profile.name).toBe("v1.28");
  expect(inventory.sources.imageRepository).toBe("10.1.2.2:5000/google_containers");
  expect(inventory.parts).toEqual({ flannel: { version: "0.28.4" }, crictl: { sha256: "a".repeat(64) } });
  expect(artefact("flannel", inventory, profile, "amd64").url).toMatch(/^http:\/\/10\.1\.2\.2\/.*v0\.28\.4/);
});

it("a profile that the folder does not hold is refused, with those that it does", async () => {
  const spec = { name: "trial", subnet: "10.1.2", artefacts: artefactsFolder() };
  await expect(chooseOffer(spec, "v1.37")).rejects.toMatchObject({ code: "USAGE", hint: "There is: v1.28" });
});

it("an inventory that is not a sandbox's is left alone", async () => {
  const file = join(folder(), "cluster.yaml");
  expect(await sandboxOf(file)).toBeUndefined();
  writeFileSync(file, "nodes: []\n");
  await expect(sandboxOf(file)).rejects.toThrow(UsageError);
});

it("a sandbox's own is known by its name, and written only where it is missing", async () => {
  const file = join(folder(), "cluster.yaml");
  const spec = { name: "trial", subnet: "10.1.2", artefacts: undefined };
  const text = inventoryText(spec, stateFolderOf(file), { profile: "v1.28" });
  expect(await writeInventory(file, text, true)).toBe(true);
  expect(await sandboxOf(file)).toBeUndefined();
  expect(await writeInventory(file, text, false)).toBe(true);
  expect(await sandboxOf(file)).toBe("trial");
  writeFileSync(file, `${text}deploy: { overlay: shared }\n`);
  expect(await writeInventory(file, text, false)).toBe(false);
  expect(readFileSync(file, "utf8")).toContain("overlay: shared");
});

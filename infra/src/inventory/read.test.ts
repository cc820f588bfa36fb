import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { InventoryError } from "../errors.ts";
import { parseInventory, readInventory } from "./read.ts";
import { schemaFile } from "./schema-file.ts";

const folder = mkdtempSync(join(tmpdir(), "wharf-inventory-"));
beforeAll(() => {
  writeFileSync(join(folder, "key"), "");
  writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

const around = {
  environment: { PASSWORD: "secret", EMPTY: "" },
  overlays: ["hostpath", "shared"],
  components: ["autoscaling", "disruption"],
};
const parse = (text: string) => parseInventory(text, join(folder, "cluster.yaml"), around);
const problems = (text: string): readonly string[] => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof InventoryError) return error.problems;
    throw error;
  }
  return [];
};

const NODES = `nodes:
  - { name: a, address: 192.0.2.1, role: control-plane }
  - { name: b, address: 192.0.2.2, role: worker }
`;

describe("an inventory", () => {
  test("needs nothing but nodes; the rest has defaults", () => {
    expect(parse(NODES)).toEqual({
      file: join(folder, "cluster.yaml"),
      stateFolder: join(folder, "cluster.state"),
      profile: "v1.37",
      nodes: [
        { name: "a", address: "192.0.2.1", role: "control-plane", ssh: {} },
        { name: "b", address: "192.0.2.2", role: "worker", ssh: {} },
      ],
      pods: "10.244.0.0/16",
      services: "10.96.0.0/12",
      sources: {
        imageRepository: "registry.k8s.io",
        releases: "https://github.com",
        packages: "https://pkgs.k8s.io",
        registryMirrors: {},
      },
      parts: {},
      deploy: { overlay: "hostpath", components: [], namespace: "wharf", allowNetworks: [] },
    });
  });

  test("says once how to log in, and where a node differs; files are found from its folder or the home", () => {
    const { nodes } = parse(`nodes:
  - { name: a, address: 192.0.2.1, role: control-plane, ssh: { port: 2222, host: bastion-a } }
  - { name: b, address: 192.0.2.2, role: worker, ssh: { user: admin, key: ./key } }
ssh: { user: root, port: 22, key: ${join(folder, "key")} }
`);
    const key = join(folder, "key");
    expect(nodes.map(({ ssh }) => ssh)).toEqual([
      { user: "root", port: 2222, key, host: "bastion-a" },
      { user: "admin", port: 22, key },
    ]);
    expect(problems(`${NODES}ssh: { key: ~/no-such-key }\n`)).toEqual([
      `cluster.yaml:4:13: ${homedir()}/no-such-key does not exist`,
    ]);
  });

  test("changes a preset in part", () => {
    const { sources } = parse(`${NODES}sources:
  preset: aliyun
  githubPrefix: https://proxy.example/
  packages: https://mirror.example/kubernetes/
  registryMirrors: { docker.io: https://registry.example/ }
  credentials: { user: reader, passwordVariable: PASSWORD }
  ca: ca.pem
`);
    expect(sources).toEqual({
      imageRepository: "registry.aliyuncs.com/google_containers",
      releases: "https://proxy.example/https://github.com",
      packages: "https://mirror.example/kubernetes",
      registryMirrors: { "docker.io": "https://registry.example" },
      credentials: { user: "reader", passwordVariable: "PASSWORD" },
      ca: join(folder, "ca.pem"),
    });
  });

  test("changes the version of Kubernetes within its profile, and single parts", () => {
    const { profile, kubernetes, parts } = parse(
      `${NODES}profile: v1.28\nkubernetes: 1.28.15\nparts: { flannel: { version: 0.28.4, url: "https://mirror.example/f.yml?sig=1" } }\n`,
    );
    expect({ profile, kubernetes, parts }).toEqual({
      profile: "v1.28",
      kubernetes: "1.28.15",
      parts: { flannel: { version: "0.28.4", url: "https://mirror.example/f.yml?sig=1" } },
    });
  });
});

describe("a mistake is told with its place and what to do", () => {
  const control = "{ name: a, address: 192.0.2.1, role: control-plane }";
  test.each([
    ["", "1:1: is empty"],
    ["nodes: [\n", "2:1: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["nodes: []\nnodes: []\n", "2:1: Map keys must be unique"],
    ["a text", '1:1: the file must be a mapping: keys, each with a value, not "a text"'],
    ["profile: v1.37\n", '1:1: the file has no "nodes": One control plane, and any number of workers'],
    ["nodes: []\n", "1:8: nodes must be a list of at least one"],
    ["nodes: [x]\n", '1:9: nodes[0] must be a mapping: keys, each with a value, not "x"'],
    [`${NODES}profil: v1.37\n`, '4:1: profil is not known: did you mean "profile"?'],
    [
      `${NODES}network: { pods: 10.9.0.0/16, dns: x }\n`,
      "4:31: network.dns is not known. Known are pods, services",
    ],
    [
      `${NODES}profile: v1.36\n`,
      "4:10: there is no profile v1.36: did you mean v1.37? (there are v1.28, v1.37)",
    ],
    [`${NODES}kubernetes: 1.28.9\n`, "4:13: kubernetes 1.28.9 is not of profile v1.37, which has 1.37"],
    [
      `${NODES}kubernetes: v1.37.2\n`,
      '4:13: kubernetes must be a release such as 1.37.2, without a v, not "v1.37.2"',
    ],
    [
      `nodes: [{ name: a, role: worker, address: 192.0.2.1 }]\n`,
      "1:8: no node is the control plane: one must have role: control-plane",
    ],
    [
      `nodes: [${control}, { name: b, address: 192.0.2.2, role: control-plane }]\n`,
      "1:100: there is a control plane already: one is supported, others are workers",
    ],
    [
      `nodes: [${control}, { name: a, address: 192.0.2.2, role: worker }]\n`,
      "1:71: name a is taken by the node on line 1",
    ],
    [
      `nodes:\n  - ${control}\n  - { name: b, address: 192.0.2.1, role: worker }\n`,
      "3:25: address 192.0.2.1 is taken by the node on line 2",
    ],
    [
      `nodes: [{ name: a, address: 192.0.2.1, role: master }]\n`,
      '1:46: nodes[0].role must be control-plane or worker, not "master"',
    ],
    [
      `nodes: [{ name: A_1, address: 192.0.2.1, role: control-plane }]\n`,
      '1:17: nodes[0].name must be a DNS label: small letters, digits and hyphens, 63 at most, not "A_1"',
    ],
    [
      `nodes: [{ address: 192.0.2.1, role: control-plane }]\n`,
      '1:9: nodes[0] has no "name": The host name it gets',
    ],
    [
      `nodes: [{ name: a, address: "2001:db8::1", role: control-plane }]\n`,
      '1:29: nodes[0].address must be an IPv4 address; where SSH has another one, say that as ssh.host, not "2001:db8::1"',
    ],
    [
      `nodes: [{ name: a, address: example.org, role: control-plane }]\n`,
      '1:29: nodes[0].address must be an IPv4 address; where SSH has another one, say that as ssh.host, not "example.org"',
    ],
    [
      `nodes: [{ name: a, address: 192.0.2.256, role: control-plane }]\n`,
      "1:29: 192.0.2.256 is no IPv4 address: each number is 255 at most",
    ],
    [
      `nodes: [{ name: a, address: 127.0.0.1, role: control-plane }]\n`,
      "1:29: 127.0.0.1 is no address that other machines reach this one at",
    ],
    [
      `nodes: [{ name: a, address: 10.244.7.1, role: control-plane }]\n`,
      "1:29: 10.244.7.1 is in network.pods (10.244.0.0/16): give that another block",
    ],
    [
      `${NODES}network: { pods: 10.97.0.0/16 }\n`,
      "4:10: network: pods 10.97.0.0/16 and services 10.96.0.0/12 overlap",
    ],
    [
      `${NODES}network: { services: 10.97.0.0/12 }\n`,
      "4:22: network.services: 10.97.0.0/12 is within a block: write 10.96.0.0/12",
    ],
    [`${NODES}network: { pods: 10.244.0.0/26 }\n`, "4:18: network.pods: /26 is too small: from /8 to /22"],
    [
      `${NODES}network: { pods: 10.244.0.0/40 }\n`,
      "4:18: network.pods: 10.244.0.0/40 is no block of IPv4 addresses",
    ],
    [`${NODES}ssh: { port: 0 }\n`, "4:14: ssh.port must be a port from 1 to 65535, not 0"],
    [`${NODES}ssh: { port: ssh }\n`, '4:14: ssh.port must be a port from 1 to 65535, not "ssh"'],
    [
      `${NODES}ssh: { key: key.pub }\n`,
      "4:13: key.pub is the public half of a key: name the other, without .pub",
    ],
    [`${NODES}ssh:\n`, "4:5: ssh must be a mapping: keys, each with a value, and is empty"],
    [
      `${NODES}sources: { preset: aliyum }\n`,
      '4:20: sources.preset must be official or aliyun, not "aliyum"',
    ],
    [
      `${NODES}sources: { releases: "https://u:p@example.org" }\n`,
      '4:22: sources.releases must be an http or https URL without user, password or query, not "https://u:p@example.org"',
    ],
    [
      `${NODES}sources: { registryMirrors: { docker.io: registry.example } }\n`,
      '4:42: sources.registryMirrors.docker.io must be an http or https URL without user, password or query, not "registry.example"',
    ],
    [
      `${NODES}sources: { credentials: { user: u, passwordVariable: EMPTY } }\n`,
      "4:54: the environment variable EMPTY is not set: export it with the password",
    ],
    [
      `${NODES}deploy: { registry: example.org/team, registryCredentials: { user: u, passwordVariable: EMPTY } }\n`,
      "4:89: the environment variable EMPTY is not set: export it with the password",
    ],
    [
      `${NODES}deploy: { registryCredentials: { user: u, passwordVariable: PASSWORD } }\n`,
      "4:32: deploy.registryCredentials are for deploy.registry, which is not given",
    ],
    ["nodes: *zz\n", "1:8: the alias zz has no anchor before it"],
    [
      `a: &a [${"x,".repeat(100)}]\nb: &b [${"*a,".repeat(100)}]\nnodes: [${"*b,".repeat(100)}]\n`,
      "2:8: its aliases stand for too much",
    ],
    ["nodes: &a [*a]\n", "1:12: nodes[0] must be a mapping: keys, each with a value"],
    [
      `nodes: [{ name: a, address: 192.0.02.1, role: control-plane }]\n`,
      "1:29: 192.0.02.1 is no IPv4 address: its numbers begin with no 0",
    ],
    [
      `nodes: [{ name: a, address: 169.254.0.1, role: control-plane }]\n`,
      "1:29: 169.254.0.1 is no address that other machines reach this one at",
    ],
    [
      `nodes: [{ name: localhost, address: 192.0.2.1, role: control-plane }]\n`,
      "1:17: every machine calls itself localhost: give this one another name",
    ],
    [
      `${NODES}kubernetes: 1.37.2-rc.1\n`,
      '4:13: kubernetes must be a release such as 1.37.2, without a v, not "1.37.2-rc.1"',
    ],
    [`${NODES}ssh: { key: . }\n`, `4:13: ${folder} is no file`],
    [`${NODES}sources: { ca: . }\n`, `4:16: ${folder} is no file`],
    ...["http://a:b:c/d", "http://[::1", "http://mirror:99999"].map((url) => [
      `${NODES}sources: { packages: "${url}" }\n`,
      `4:22: sources.packages: ${url} is no URL`,
    ]),
    [
      `${NODES}sources: { packages: "http://mirror/?query" }\n`,
      '4:22: sources.packages must be an http or https URL without user, password or query, not "http://mirror/?query"',
    ],
    [
      `${NODES}sources: { imageRepository: "registry.example:99999/k8s" }\n`,
      "4:29: sources.imageRepository: registry.example:99999/k8s is no URL",
    ],
    [
      `${NODES}deploy: { registry: "registry.example:99999/k8s" }\n`,
      "4:21: deploy.registry: registry.example:99999/k8s is no URL",
    ],
    [`${NODES}parts: { runc: { url: "http://a:b:c/" } }\n`, "4:23: parts.runc.url: http://a:b:c/ is no URL"],
    [`${NODES}deploy: { smokeUrl: "http://a:b:c" }\n`, "4:21: deploy.smokeUrl: http://a:b:c is no URL"],
    [
      `${NODES}sources: { registryMirrors: { docker.io: 'http://a"b' } }\n`,
      String.raw`4:42: sources.registryMirrors.docker.io must be an http or https URL without user, password or query, not "http://a\"b"`,
    ],
    [
      `${NODES}sources: { registryMirrors: { ../../../tmp/x: "http://mirror" } }\n`,
      "4:31: sources.registryMirrors.../../../tmp/x is not known: By the host of a registry, with its port if it has one, or _default for every other",
    ],
    [
      `${NODES}sources: { githubPrefix: "https://proxy.example", releases: "https://mirror.example" }\n`,
      "4:26: sources.githubPrefix is for GitHub's files, and sources.releases says where else they are: give one of them",
    ],
    [`${NODES}sources: { ca: no.pem }\n`, `4:16: ${folder}/no.pem does not exist`],
    [`${NODES}sources: { ca: key }\n`, `4:16: ${folder}/key holds no certificate in PEM form`],
    [`${NODES}parts: { runcc: {} }\n`, '4:10: parts.runcc is not known: did you mean "runc"?'],
    [
      `${NODES}parts: { runc: { version: 1.4 } }\n`,
      "4:27: parts.runc.version must be a version such as 1.37.2, without a v, not 1.4",
    ],
    [
      `${NODES}parts: { runc: { sha256: abc } }\n`,
      '4:26: parts.runc.sha256 must be 64 small hexadecimal digits, not "abc"',
    ],
    [
      `${NODES}deploy: { overlay: share }\n`,
      "4:20: there is no overlay share: did you mean shared? (there are hostpath, shared)",
    ],
    [
      `${NODES}deploy: { components: [autoscale] }\n`,
      "4:24: there is no component autoscale: did you mean autoscaling? (there are autoscaling, disruption)",
    ],
    [
      `${NODES}deploy: { overlay: hostpath, components: [disruption] }\n`,
      "4:43: disruption is not for the overlay hostpath: its replicas cannot go to another node one by one, and no drain would end",
    ],
    [
      `${NODES}deploy: { components: [autoscaling, disruption] }\n`,
      "4:37: disruption is not for the overlay hostpath: its replicas cannot go to another node one by one, and no drain would end",
    ],
    [`${NODES}deploy: { components: [1] }\n`, "4:24: deploy.components[0] must be text, not 1"],
    [
      `${NODES}deploy: { registry: "https://r/x" }\n`,
      `4:21: deploy.registry must be a registry's host, and a folder in it, not "https://r/x"`,
    ],
  ])("%j", (text, problem) => {
    expect(problems(text)).toEqual([`cluster.yaml:${problem}`]);
  });

  test("and none is told of disruption where replicas may be on any node", () => {
    expect(problems(`${NODES}deploy: { overlay: shared, components: [disruption] }\n`)).toEqual([]);
  });

  test("all of them at once, in their order", () => {
    const text = `profile: v9
nodes:
  - { name: a, address: 10.96.0.1, role: control-plane, ssh: { prot: 22 } }
  - { name: a, address: 10.96.0.1, rolle: worker }
deploy: { overlay: none, namespace: A }
`;
    expect(problems(text).map((problem) => problem.split(": ")[0])).toEqual(
      ["1:10", "3:25", "3:64", "4:5", "4:13", "4:25", "4:25", "4:36", "5:20", "5:37"].map(
        (at) => `cluster.yaml:${at}`,
      ),
    );
  });

  test("a file that is not there says how to begin", () => {
    expect(() => readInventory(join(folder, "none.yaml"), {})).toThrow(
      expect.objectContaining({
        message: `${folder}/none.yaml does not exist`,
        hint: expect.stringContaining("sandbox up"),
      }),
    );
  });
});

const beside = (name: string) => new URL(`../../${name}`, import.meta.url);

test("the example is an inventory, and so is what it shows in comments", () => {
  const text = readFileSync(beside("cluster.example.yaml"), "utf8");
  expect(problems(text)).toEqual([]);
  const keys = [...text.matchAll(/^# ([a-z]+):/gm)].map(([, key]) => key);
  expect(new Set(keys)).toEqual(new Set(["ssh", "profile", "network", "sources", "parts", "deploy"]));
});

test("the schema for editors is the one that inventories are checked with", () => {
  expect(JSON.parse(readFileSync(beside("cluster.schema.json"), "utf8"))).toEqual(JSON.parse(schemaFile()));
});

import { Type, type TObjectOptions, type TProperties, type TSchema } from "typebox";

import { presets } from "./presets.ts";

const REPOSITORY = String.raw`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9._-]+)*$`;
const URL_TEXT = String.raw`^https?://[^\s/@?#"'\\]+(/[^\s@?#"'\\]*)?$`;
const FILE_URL = String.raw`^https?://[^\s/@?#"'\\]+/[^\s@#"'\\]*$`;
const REGISTRY = String.raw`^(_default|[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?)$`;
const RELEASE = String.raw`^[0-9]+\.[0-9]+\.[0-9]+$`;
const SEMVER = String.raw`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`;

/** Text of a certain form; `expects` ends the sentence "must be …", here and in editors. */
function text(pattern: string, expects: string, description: string): Type.TString {
  return Type.String({ pattern, patternErrorMessage: `must be ${expects}`, description });
}

function mapping<P extends TProperties>(properties: P, options: TObjectOptions = {}): Type.TObject<P> {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

function optional<S extends TSchema>(schema: S) {
  return Type.Optional(schema);
}

const label = (what: string) =>
  text(
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    "a DNS label: small letters, digits and hyphens, 63 at most",
    what,
  );
const url = (what: string) =>
  text(
    URL_TEXT,
    "an http or https URL without user, password or query",
    `${what} A URL without a slash at its end.`,
  );
const version = (what: string) => text(SEMVER, "a version such as 1.37.2, without a v", what);
const file = (what: string) =>
  text(".", "a file's path", `${what} A path from this file's folder, or one that begins with / or ~.`);
const block = (what: string) =>
  text(String.raw`^[0-9.]+/[0-9]+$`, "a block of IPv4 addresses such as 10.244.0.0/16", what);

const ssh = {
  user: optional(
    text(String.raw`^[A-Za-z_][\w.-]*$`, "a user's name", "root, or a user with passwordless sudo."),
  ),
  port: optional(
    Type.Integer({
      minimum: 1,
      maximum: 65535,
      patternErrorMessage: "must be a port from 1 to 65535",
      description: "22 unless given.",
    }),
  ),
  key: optional(file("The private key's file.")),
};

const part = mapping({
  version: optional(version("Another version than the profile's.")),
  url: optional(
    text(
      FILE_URL,
      "a file's http or https URL without user or password",
      "Where this one file is, in place of `sources`.",
    ),
  ),
  sha256: optional(text("^[0-9a-f]{64}$", "64 small hexadecimal digits", "What its SHA-256 must be.")),
});

const parts = mapping(
  {
    containerd: optional(part),
    runc: optional(part),
    cniPlugins: optional(part),
    crictl: optional(part),
    flannel: optional(part),
    metricsServer: optional(part),
  },
  { description: "Where a single part differs from the profile." },
);

const node = mapping({
  name: label("The host name it gets."),
  address: text(
    String.raw`^(\d{1,3}\.){3}\d{1,3}$`,
    "an IPv4 address; where SSH has another one, say that as ssh.host",
    "Its address among the nodes.",
  ),
  role: Type.Enum(["control-plane", "worker"]),
  ssh: optional(
    mapping({
      ...ssh,
      host: optional(
        text(
          String.raw`^[^\s@/-][^\s@/]*$`,
          "an address, a name, or a Host of your ~/.ssh/config",
          "Where SSH reaches it, if not at its address: a public address, or a Host of your ~/.ssh/config.",
        ),
      ),
    }),
  ),
});

const login = {
  user: Type.String({ minLength: 1 }),
  passwordVariable: text(
    String.raw`^[A-Za-z_]\w*$`,
    "the name of an environment variable",
    "The environment variable that has the password.",
  ),
};

const sources = mapping(
  {
    preset: optional(
      Type.Enum(Object.keys(presets) as (keyof typeof presets)[], { description: "official unless given." }),
    ),
    githubPrefix: optional(url("A site that passes on GitHub's files at `<prefix>/https://github.com/…`.")),
    imageRepository: optional(
      text(REPOSITORY, "a registry's host, and a folder in it", "Where Kubernetes' own images are."),
    ),
    releases: optional(url("Release files, in folders as on https://github.com.")),
    packages: optional(url("The folder that has core/stable/v1.37/deb, the apt repository.")),
    registryMirrors: optional(
      Type.Record(Type.String({ pattern: REGISTRY }), url("The registry to ask in its place."), {
        additionalProperties: false,
        description: "By the host of a registry, with its port if it has one, or _default for every other.",
      }),
    ),
    credentials: optional(
      mapping(login, { description: "For the hosts that are named here, never for a preset's." }),
    ),
    ca: optional(file("A PEM file of certificate authorities that the nodes are to trust for these hosts.")),
  },
  {
    description:
      "Where everything is downloaded from: a preset, or your own mirrors, or a preset changed in part.",
  },
);

const deploy = mapping(
  {
    overlay: optional(Type.String({ minLength: 1, description: "A folder of k8s/overlays." })),
    components: optional(
      Type.Array(Type.String({ minLength: 1 }), { description: "Folders of k8s/components to add to it." }),
    ),
    namespace: optional(label("wharf unless given.")),
    registry: optional(
      text(
        REPOSITORY,
        "a registry's host, and a folder in it",
        "What stands before our images' names, as for pnpm images: registry.example.org/team for registry.example.org/team/wharf/fileserver. Without one they are copied to the nodes.",
      ),
    ),
    registryCredentials: optional(
      mapping(login, {
        description: "What the nodes pull from that registry with, if it asks who they are.",
      }),
    ),
    allowNetworks: optional(
      Type.Array(
        text(
          String.raw`^[0-9A-Fa-f.:]+(/[0-9]+)?$`,
          "an address or a block of them",
          "An address or a block beyond the public ones.",
        ),
        { description: "What the downloader may fetch from beyond public addresses." },
      ),
    ),
    smokeUrl: optional(
      text(
        String.raw`^(none|https?://\S+)$`,
        "a URL, or none",
        "What the downloader fetches after a deployment, to show that it can.",
      ),
    ),
  },
  { description: "How our own services are put on the cluster." },
);

/** `cluster.yaml`. */
export const inventorySchema = mapping(
  {
    profile: optional(Type.String({ description: "A set of versions: v1.37 unless given." })),
    kubernetes: optional(
      text(
        RELEASE,
        "a release such as 1.37.2, without a v",
        "Another patch release of the profile's Kubernetes.",
      ),
    ),
    nodes: Type.Array(node, { minItems: 1, description: "One control plane, and any number of workers." }),
    ssh: optional(mapping(ssh, { description: "For every node that does not say otherwise." })),
    network: optional(
      mapping({
        pods: optional(block("Addresses for Pods: 10.244.0.0/16 unless given.")),
        services: optional(block("Addresses for Services: 10.96.0.0/12 unless given.")),
      }),
    ),
    sources: optional(sources),
    parts: optional(parts),
    deploy: optional(deploy),
  },
  { title: "A Wharf cluster" },
);

/** `cluster.yaml` as it is written. */
export type InventoryFile = Type.Static<typeof inventorySchema>;

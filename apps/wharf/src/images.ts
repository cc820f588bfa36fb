import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const REPOSITORY = resolve(import.meta.dirname, "../../..");

const USAGE = `Usage: pnpm images [--load | --push] [options]

Builds the images wharf/fileserver and wharf/downloader, by docker buildx bake and docker-bake.hcl.

  --load               for this machine's platform, into its Docker
  --push               for amd64 and arm64, with SBOM and provenance, to --registry
                       (neither: the build is tried, and stays in the builder's cache)
  --platform PLATFORM  with --load: linux/arm64, if that is not this machine's
  --tag TAG            dev, unless given
  --registry NAME      what stands before the names: registry.example/team
  --node-image IMAGE   the base, instead of the official one that the Dockerfiles name
  --help

Packages are fetched with your own ~/.npmrc (or NPM_CONFIG_USERCONFIG) and NODE_EXTRA_CA_CERTS, if you have them.
`;

// The reference grammar of https://github.com/distribution/reference, in so far as it is about one option's value.
const TAG = /^\w[\w.-]{0,127}$/;
const NAME = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*\/?$/;

interface Options {
  readonly load: boolean;
  readonly push: boolean;
  readonly platform: string;
  readonly tag: string;
  /** What stands before the names: empty, or with a slash at its end. */
  readonly prefix: string;
  readonly nodeImage: string;
}

process.exitCode = main(process.argv.slice(2), process.env);

/** Builds the images and returns the exit status: 0 done, 1 failed, 2 wrong use. */
function main(args: string[], env: NodeJS.ProcessEnv): number {
  const options = parse(args);
  if (options === "help") {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof options === "string") {
    process.stderr.write(`${options}\n\n${USAGE}`);
    return 2;
  }
  const missing = whatIsMissing();
  if (missing !== undefined) {
    process.stderr.write(`${missing}\n`);
    return 1;
  }
  const output = options.push ? ["--push"] : options.load ? ["--load"] : [];
  const variables = { ...origin(), ...secrets(env), ...choices(options) };
  const { status } = spawnSync("docker", ["buildx", "bake", ...output], {
    cwd: REPOSITORY,
    env: { ...env, ...variables },
    stdio: "inherit",
  });
  if (status !== 0) return 1;
  process.stdout.write(`\n${whatWasDone(options)}\n`);
  return 0;
}

/** Returns what is wrong, as text, when the arguments are. */
function parse(args: string[]): Options | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        load: { type: "boolean", default: false },
        push: { type: "boolean", default: false },
        platform: { type: "string", default: "" },
        tag: { type: "string", default: "dev" },
        registry: { type: "string", default: "" },
        "node-image": { type: "string", default: "" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return "help";
    const { load, push, platform, tag, registry, "node-image": nodeImage } = values;
    if (load && push)
      return "--load or --push, not both: one is for this machine alone, the other for others.";
    if (push && registry === "") return "--push needs --registry: where are they to go?";
    if (push && platform !== "") return "--platform goes with --load: --push is for both.";
    if (!TAG.test(tag)) return `--tag must be letters, digits, "_", "." and "-", not "${tag}".`;
    if (registry !== "" && !NAME.test(registry))
      return `--registry must be a host and a path in lower case, such as registry.example/team, not "${registry}".`;
    const prefix = registry === "" || registry.endsWith("/") ? registry : `${registry}/`;
    return { load, push, platform, tag, prefix, nodeImage };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function whatIsMissing(): string | undefined {
  const docker = (...args: string[]) => spawnSync("docker", args, { encoding: "utf8" });
  if (docker("--version").error !== undefined)
    return "There is no docker here: install Docker (on Debian: apt-get install docker.io docker-buildx).";
  if (docker("buildx", "version").status !== 0)
    return "Docker lacks its plugin buildx: install it (docker-buildx in Debian 13, docker-buildx-plugin in Docker's own packages).";
  const server = docker("version", "--format", "{{.Server.Version}}");
  if (server.status !== 0) return `Docker's daemon does not answer: ${server.stderr.trim()}`;
  return undefined;
}

/** What the labels say of where the source is from: nothing, outside a clone. */
function origin(): NodeJS.ProcessEnv {
  const git = (...args: string[]): string =>
    spawnSync("git", args, { cwd: REPOSITORY, encoding: "utf8" }).stdout?.trim() ?? "";
  const manifest = readFileSync(join(REPOSITORY, "apps/fileserver/package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const commit = git("rev-parse", "HEAD");
  if (commit === "") return { VERSION: version };
  const isChanged = git("status", "--porcelain") !== "";
  const seconds = git("show", "--no-patch", "--format=%ct", "HEAD");
  return {
    VERSION: version,
    REVISION: isChanged ? `${commit}-dirty` : commit,
    CREATED: new Date(Number(seconds) * 1000).toISOString(),
    SOURCE: withoutSecrets(git("config", "--get", "remote.origin.url")),
    // BuildKit's own name for it, which buildx passes on: https://reproducible-builds.org/specs/source-date-epoch/
    SOURCE_DATE_EPOCH: seconds,
  };
}

/** A remote that others can open, without the password that may be in it; else nothing. */
function withoutSecrets(remote: string): string {
  const url = URL.parse(remote);
  if (url?.protocol !== "https:") return "";
  url.username = "";
  url.password = "";
  return url.href;
}

/** The files that are mounted while packages are fetched. */
function secrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const npmrc = env["NPM_CONFIG_USERCONFIG"] || join(homedir(), ".npmrc");
  return { NPM_CONFIG_USERCONFIG: existsSync(npmrc) ? npmrc : "" };
}

function choices({ push, platform, tag, prefix, nodeImage }: Options): NodeJS.ProcessEnv {
  return {
    TAG: tag,
    REGISTRY: prefix,
    NODE_IMAGE: nodeImage,
    RELEASE: String(push),
    PLATFORM: platform,
    // With buildx's own, which hold the time, the same image would be another one for Docker after each build.
    ...(push ? {} : { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" }),
  };
}

function whatWasDone({ load, push, tag, prefix }: Options): string {
  const names = ["fileserver", "downloader"].map((name) => `${prefix}wharf/${name}:${tag}`).join(" and ");
  if (push) return `Pushed ${names}.`;
  if (load) return `Loaded ${names}.`;
  return `${names} can be built. Nothing was loaded or pushed: add --load or --push.`;
}

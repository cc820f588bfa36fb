import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { run } from "./run.ts";

/** A certificate with its key, in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Certificates for the host 127.0.0.1, one that is as it should be and others that are not. */
export interface Certificates {
  /** The path of the authority's own certificate, to be trusted. */
  readonly authority: string;
  readonly good: Certificate;
  readonly expired: Certificate;
  readonly notYetValid: Certificate;
  /** Of another host. */
  readonly wrongHost: Certificate;
  readonly selfSigned: Certificate;
  /** Of an authority that nobody trusts. */
  readonly unknownAuthority: Certificate;
}

const SUBJECT_OF_HOST = "subjectAltName=IP:127.0.0.1";

/** Makes an authority and certificates in a folder, with openssl. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  await writeFile(join(folder, "openssl.cnf"), CONFIGURATION);
  await writeFile(join(folder, "index.txt"), "");
  await writeFile(join(folder, "host.ext"), `${SUBJECT_OF_HOST}\n`);
  await writeFile(join(folder, "other.ext"), "subjectAltName=DNS:elsewhere.example\n");
  await selfSign(folder, "authority", ["-extensions", "authority"]);
  await selfSign(folder, "stranger", ["-extensions", "authority"]);
  return {
    authority: join(folder, "authority.pem"),
    good: await issue(folder, "good", {}),
    expired: await issue(folder, "expired", { from: "20200101000000Z", until: "20200201000000Z" }),
    notYetValid: await issue(folder, "not-yet", { from: "20900101000000Z", until: "20910101000000Z" }),
    wrongHost: await issue(folder, "other", { extensions: "other.ext" }),
    selfSigned: await selfSign(folder, "self", ["-addext", SUBJECT_OF_HOST]),
    unknownAuthority: await issue(folder, "stray", { authority: "stranger" }),
  };
}

interface Issue {
  readonly authority?: string;
  readonly extensions?: string;
  readonly from?: string;
  readonly until?: string;
}

/** Has an authority sign a new key. Only `openssl ca` takes dates that have passed. */
async function issue(folder: string, name: string, options: Issue): Promise<Certificate> {
  const { authority = "authority", extensions = "host.ext" } = options;
  const { from = "20250101000000Z", until = "20990101000000Z" } = options;
  await openssl(folder, ["req", "-new", ...newKey(name), "-out", `${name}.csr`]);
  const request = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", extensions];
  const signer = ["-cert", `${authority}.pem`, "-keyfile", `${authority}.key`];
  const dates = ["-startdate", from, "-enddate", until];
  await openssl(folder, ["ca", "-batch", "-notext", ...request, ...signer, ...dates]);
  return read(folder, name);
}

async function selfSign(folder: string, name: string, args: readonly string[]): Promise<Certificate> {
  await openssl(folder, ["req", "-x509", "-days", "3650", ...newKey(name), "-out", `${name}.pem`, ...args]);
  return read(folder, name);
}

function newKey(name: string): string[] {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  return [...key, "-subj", `/CN=${name}`];
}

async function read(folder: string, name: string): Promise<Certificate> {
  const [key, cert] = await Promise.all(
    [".key", ".pem"].map((ending) => readFile(join(folder, name + ending), "utf8")),
  );
  return { key: key ?? "", cert: cert ?? "" };
}

async function openssl(folder: string, args: readonly string[]): Promise<void> {
  const [command = "", ...rest] = args;
  const { code, stderr } = await run("openssl", [command, "-config", "openssl.cnf", ...rest], {
    cwd: folder,
  });
  if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}

const CONFIGURATION = `
[ req ]
distinguished_name = name
prompt = no
[ name ]
CN = wharf
[ authority ]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[ ca ]
default_ca = here
[ here ]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
[ anything ]
commonName = supplied
`;

import { expect, test } from "vitest";

import { exports } from "./quote.ts";
import { Secrets } from "./secrets.ts";

test("a value is masked wherever it stands, also line by line and as base64", () => {
  const secrets = new Secrets();
  secrets.add("correct horse\nbattery");
  const base64 = Buffer.from("correct horse\nbattery").toString("base64");
  expect(secrets.mask(`a correct horse\nbattery b; ${base64}; battery`)).toBe("a *** b; ***; ***");
});

const PASSWORDS = ["don't tell", String.raw`a"quote and a \backslash`, `it's "all"\\of 'them'`];

test.each(PASSWORDS)(
  "%j is masked as a shell, a JSON document and a curl configuration have it",
  (password) => {
    const secrets = new Secrets();
    secrets.add(password);
    const quoted = password.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
    const texts = [
      exports({ PASSWORD: password }),
      exports({ JSON: JSON.stringify({ key: password }) }),
      JSON.stringify({ key: password }),
      exports({ CURL_CONFIG: `user = "me:${quoted}"` }),
    ];
    expect(texts.map((text) => secrets.mask(text))).toEqual([
      "export PASSWORD='***'\n",
      `export JSON='{"key":"***"}'\n`,
      '{"key":"***"}',
      `export CURL_CONFIG='user = "me:***"'\n`,
    ]);
  },
);

test("a value of several lines is masked line by line as a shell has it", () => {
  const secrets = new Secrets();
  secrets.add("it's the first\nit's the second");
  const lines = exports({ KEY: "it's the first\nit's the second" }).split("\n");
  expect(lines.map((line) => secrets.mask(line))).toEqual(["export KEY='***", "***'", ""]);
});

test("what is too short to be a secret does not garble everything else", () => {
  const secrets = new Secrets();
  secrets.add("ab");
  expect(secrets.mask("about")).toBe("about");
});

test.each([
  ["kubeadm join 192.0.2.1:6443 --token abcdef.0123456789abcdef", "kubeadm join 192.0.2.1:6443 --token ***"],
  ["--certificate-key 0123456789abcdef0123", "--certificate-key ***"],
  ["    client-key-data: LS0tLS1CRUdJTg==", "    client-key-data: ***"],
  ['{"token": "eyJhbGciOiJSUzI1NiJ9.x.y"}', '{"token": "***"}'],
  ["https://reader:pass@example.org/file", "https://reader:***@example.org/file"],
  ["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n", "***\n"],
])("%j is masked though nobody said it is a secret", (text, masked) => {
  expect(new Secrets().mask(text)).toBe(masked);
});

test.each([
  "--discovery-token-ca-cert-hash sha256:0123456789abcdef",
  "http://mirror:5000/google_containers",
  "containerd 1.7.16, runc 1.1.12",
  "token: short",
  "a password is required; the bootstrap token expires",
])("%j is none", (text) => {
  expect(new Secrets().mask(text)).toBe(text);
});

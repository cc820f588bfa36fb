/** What a name has in one look-up: its addresses, perhaps by way of other names. */
export interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** Further names that lead to the addresses, in order. */
  readonly through?: readonly string[];
}

const TYPE_A = 1;
const TYPE_CNAME = 5;
const TYPE_AAAA = 28;
const HEADER_BYTES = 12;
/** A response with recursion available; the last four bits are the code. */
const RESPONSE = 0x8180;
const NAME_UNKNOWN = 3;

/**
 * A name server (RFC 1035) that may say something else each time it is asked. Nothing it says may be kept: every
 * time-to-live is 0.
 */
export class NameServer {
  readonly #zones = new Map<string, readonly Zone[]>();
  readonly #turns = new Map<string, number>();

  /** Sets what a name has: in the first look-up, in the second, and so on; the last one stays. */
  set(name: string, ...zones: readonly Zone[]): void {
    this.#zones.set(name.toLowerCase(), zones);
    for (const type of [TYPE_A, TYPE_AAAA]) this.#turns.delete(`${name.toLowerCase()} ${type}`);
  }

  /** How often a name was looked up. */
  lookups(name: string): number {
    return this.#turns.get(`${name.toLowerCase()} ${TYPE_A}`) ?? 0;
  }

  /** The answer to a query, both as they are on the wire. */
  answer(query: Buffer): Buffer {
    const { name, type, end } = readQuestion(query);
    const zone = this.#next(name, type);
    const records = zone ? recordsOf(name, type, zone) : [];
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(RESPONSE | (zone ? 0 : NAME_UNKNOWN), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...records]);
  }

  #next(name: string, type: number): Zone | undefined {
    const key = `${name} ${type}`;
    const turn = this.#turns.get(key) ?? 0;
    this.#turns.set(key, turn + 1);
    const zones = this.#zones.get(name);
    return zones?.[turn] ?? zones?.at(-1);
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function recordsOf(name: string, type: number, { a = [], aaaa = [], through = [] }: Zone): Buffer[] {
  const owners = [name, ...through];
  const aliases = through.map((alias, n) => record(owners[n] ?? "", TYPE_CNAME, encodeName(alias)));
  const owner = owners.at(-1) ?? "";
  const addresses = type === TYPE_A ? a.map(encodeIPv4) : type === TYPE_AAAA ? aaaa.map(encodeIPv6) : [];
  return [...aliases, ...addresses.map((address) => record(owner, type, address))];
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2); // IN
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(owner), fixed, data]);
}

function encodeName(name: string): Buffer {
  const labels = name
    .split(".")
    .map((label) => Buffer.from(String.fromCharCode(label.length) + label, "latin1"));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function encodeIPv4(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

/** Hexadecimal groups, with `::` for those that are zero. */
function encodeIPv6(address: string): Buffer {
  const [before = [], after = []] = address
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, n) =>
    bytes.writeUInt16BE(Number.parseInt(group, 16), n * 2),
  );
  return bytes;
}

import { BlockList, isIPv4 } from "node:net";

/** A block of IPv4 addresses: `10.244.0.0/16`. */
export interface Block {
  readonly base: string;
  readonly bits: number;
}

/** Undefined when it is not a block in CIDR notation (RFC 4632 §3.1). */
export function parseBlock(text: string): Block | undefined {
  const [, base = "", bits = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  return isIPv4(base) && Number(bits) <= 32 ? { base, bits: Number(bits) } : undefined;
}

/** The block with its first address for a base: what `10.244.3.0/16` was probably meant to be. */
export function aligned({ base, bits }: Block): string {
  const number = base.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % 2 ** (32 - bits));
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${bits}`;
}

export function contains(block: Block, address: string): boolean {
  const list = new BlockList();
  list.addSubnet(block.base, block.bits, "ipv4");
  return list.check(address, "ipv4");
}

/** Whether they share an address. */
export function overlap(one: Block, other: Block): boolean {
  return contains(one, other.base) || contains(other, one.base);
}

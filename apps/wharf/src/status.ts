import { setTimeout as sleep } from "node:timers/promises";

import type { ServiceUrls } from "./services.ts";

const WAIT_MS = 60_000;
const POLL_MS = 200;
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Says of both services whether they can do their work, where they are, and when both can, what to try.
 *
 * @returns the exit status: 0 when both are ready, else 1
 */
export async function status(
  urls: ServiceUrls,
  wait: boolean,
  print: (text: string) => void,
): Promise<number> {
  const deadline = performance.now() + (wait ? WAIT_MS : 0);
  let failures = await findFailures(urls);
  while (failures.some((failure) => failure !== undefined) && performance.now() < deadline) {
    await sleep(POLL_MS);
    failures = await findFailures(urls);
  }
  const [fileserver, downloader] = failures;
  print(
    `\n  fileserver  ${urls.fileserver}/files/  ${fileserver ?? "ready"}\n` +
      `  downloader  ${urls.downloader}/docs  ${downloader ?? "ready"}\n`,
  );
  if (fileserver !== undefined || downloader !== undefined) return 1;
  print(whatToTry(urls));
  return 0;
}

/** For a person who has just started both. */
function whatToTry({ fileserver, downloader }: ServiceUrls): string {
  return `
  Open ${fileserver}/files/ to see your files, and try:

    curl -T README.md ${fileserver}/files/
    curl --json '{"url":"https://www.rfc-editor.org/rfc/rfc9110.txt"}' ${downloader}/downloads

`;
}

function findFailures(urls: ServiceUrls): Promise<(string | undefined)[]> {
  return Promise.all((["fileserver", "downloader"] as const).map((name) => failureOf(name, urls[name])));
}

/** What keeps a service from its work, or undefined. */
async function failureOf(name: keyof ServiceUrls, url: string): Promise<string | undefined> {
  const get = (path: string): Promise<Response> =>
    fetch(new URL(path, url), { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  try {
    const description = (await (await get("/openapi.json")).json()) as { info?: { title?: string } };
    if (description.info?.title !== `Wharf ${name}`) return "another service answers there";
    const response = await get("/readyz");
    if (response.ok) return undefined;
    const { detail } = (await response.json()) as { detail?: string };
    return `not ready: ${detail ?? `status ${response.status}`}`;
  } catch {
    return "does not answer";
  }
}

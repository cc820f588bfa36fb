import { backlog } from "./backlog.ts";
import { large } from "./large.ts";
import { many } from "./many.ts";
import { memory } from "./memory.ts";
import { submission } from "./submission.ts";

/** Downloads against curl and aria2. */
export const download = [...large, ...many];

/** What a downloader takes: memory, time to answer, time beside a backlog. */
export const downloadReadings = [...memory, ...submission, ...backlog];

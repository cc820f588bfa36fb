export type { DirectoryEntry, Entry, FileEntry, Page, PagePosition, PageRequest } from "./entries.ts";
export * from "./errors.ts";
export type { PartialFiles } from "./partials.ts";
export { VolumePath } from "./path.ts";
export { BATCHES_HELD, FileSink } from "./sink.ts";
export type { Published, PublishOptions, StagedFile } from "./staged-file.ts";
export { Volume, type OpenFile, type VolumeOptions } from "./volume.ts";

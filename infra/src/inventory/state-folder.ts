/** Beside the inventory: `cluster.yaml` has `cluster.state`. */
export function stateFolderOf(file: string): string {
  return `${file.replace(/\.ya?ml$/, "")}.state`;
}

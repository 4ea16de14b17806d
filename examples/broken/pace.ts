/** Resolves after so many ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Counts who is inside at once. */
export class Room {
  #inside = 0;
  most = 0;

  enter(): void {
    this.#inside += 1;
    this.most = Math.max(this.most, this.#inside);
  }

  leave(): void {
    this.#inside -= 1;
  }
}

/** So many tasks at once, each doing so many steps one after the other. */
export async function crowd(
  tasks: number,
  steps: number,
  step: (task: number) => Promise<unknown>,
): Promise<void> {
  const work = async (task: number): Promise<void> => {
    for (let done = 0; done < steps; done += 1) await step(task);
  };
  await Promise.all(Array.from({ length: tasks }, (_, task) => work(task)));
}

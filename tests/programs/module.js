// A module for the bundler: what it keeps, renames and drops.
export class Queue {
  #items = [];
  push(...values) {
    this.#items.push(...values);
    return this;
  }
  *[Symbol.iterator]() {
    while (this.#items.length) yield this.#items.shift();
  }
}

export const unused = () => "dropped by tree shaking";

export async function fetchAll(urls, { retries = 3, signal } = {}) {
  const results = await Promise.allSettled(
    urls.map(async (url) => {
      for (let attempt = 0; ; attempt++) {
        try {
          const response = await fetch(url, { signal });
          if (!response?.ok) throw new Error(`${url}: ${response?.status ?? "no answer"}`);
          return await response.json();
        } catch (error) {
          if (attempt >= retries) throw error;
        }
      }
    }),
  );
  return results.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
}

// Input of the esbuild test: imports, classes, generators, templates, regular expressions.
import { Queue, fetchAll } from "./module.js";
import lodash from "./lodash.js";

const wordPattern = /(?<word>[\p{L}_][\p{L}\p{N}_]*)/gu;

export function countWords(text) {
  const counts = new Map();
  for (const { groups } of text.matchAll(wordPattern)) {
    const word = groups.word.toLowerCase();
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
}

export const report = (text, limit = 10) =>
  countWords(text)
    .slice(0, limit)
    .map(([word, count]) => `${String(count).padStart(6)} ${word}`)
    .join("\n");

export default async function main(urls) {
  const queue = new Queue().push(...(await fetchAll(urls)));
  for (const { text = "", ...rest } of queue) {
    console.log(report(text), rest);
  }
}

export const grouped = (words) => lodash.groupBy(words, "length");

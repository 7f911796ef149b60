import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';

import { chart } from '../bench/chart.mjs';
import { withTables, type Report } from '../bench/report.mjs';

const docs = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

describe('docs/benchmarks.json', () => {
  it('has the figures of the page and of the chart', async () => {
    const report = JSON.parse(await readFile(docs('benchmarks.json'), 'utf8')) as Report;
    const path = docs('benchmarks.md');
    const page = await readFile(path, 'utf8');
    const made = withTables(page, report);
    expect(await format(made, { ...(await resolveConfig(path)), filepath: path })).toBe(page);
    expect(await readFile(docs('benchmarks.svg'), 'utf8')).toBe(chart(report));
  });
});

describe('a chart', () => {
  const report: Report = {
    date: '2026-01-02',
    machine: { processor: 'x', cores: 2, gigabytes: 8, system: 'linux' },
    versions: { docker: '1.2.3' },
    absent: ['regctl'],
    results: [
      {
        job: 'images',
        title: 'images & more',
        roundTrip: 50,
        rows: [
          { tool: 'floor: bare Node.js', runs: 1, milliseconds: 100, processor: 20, megabytes: 40 },
          { tool: 'multiarch create --push', runs: 1, milliseconds: 150, processor: 80, megabytes: 70 },
          { tool: 'crane', runs: 1, milliseconds: 300, processor: 10, megabytes: 15 },
          { tool: 'oras', runs: 0, failure: 'oras: ended with 1\n<b>no</b> `registry`' },
        ],
      },
    ],
  };

  it('is also text, and names a tool that failed', () => {
    const svg = chart(report);
    expect(svg).toContain('<desc id="description">Images &amp; more: floor: bare Node.js 0.10 s,');
    expect(svg).toContain('crane 0.30 s, oras failed. Measured on 2026-01-02.</desc>');
    expect(svg.match(/<rect class="(?:ours|peer|floor)"/g)).toHaveLength(3);
    expect(svg.match(/&(?!amp;|lt;)/g)).toBeNull();
  });

  it('has a table with the ratios, what is absent, and the message of what failed', () => {
    const page = withTables('a<!-- benchmarks: begin --><!-- benchmarks: end -->b', report);
    expect(page).toContain('| multiarch create --push | 0.15 s | 0.50 × | 1.50 × | 0.08 s | 70 MB |');
    expect(page).toContain('Not installed, and so not measured: regctl.');
    expect(page).toContain("oras failed: `oras: ended with 1 <b>no</b> 'registry'`");
  });
});

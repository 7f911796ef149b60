import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { markup } from '../../../src/cli/output/html-text.js';
import { artifact } from '../../support/artifact.js';
import { openBrowser } from '../../support/browser.js';
import { amd64, arm64, armv7 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

const HOSTILE = [
  '<script>document.title="broken"</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style></title><svg onload=alert(1)>',
  '`${alert(1)}`',
  '&lt;script&gt;',
  'a\u202Eb\u0000c\u001B[2J',
];

/** A published index with hostile annotations, and an earlier one. */
async function start() {
  const { registry, app, run, ...others } = await startCommandLine({
    registry: { referrers: {}, requireChildren: false },
  });
  registry.put('app', tinyIndex([amd64, armv7]), 'before');
  const index = tinyIndex([amd64, arm64], { attestations: true });
  registry.put('app', index);
  const value = JSON.parse(Buffer.from(index.bytes).toString()) as { manifests: object[] };
  const annotations = Object.fromEntries(HOSTILE.map((text, position) => [`${text} ${position}`, text]));
  const facts = {
    'org.opencontainers.image.version': HOSTILE[0],
    'org.opencontainers.image.source': HOSTILE[1],
  };
  const large = {
    mediaType: amd64.manifest.mediaType,
    digest: armv7.manifest.digest,
    size: Number.MAX_SAFE_INTEGER,
    platform: { os: '<b>', architecture: '"x' },
  };
  const bytes = Buffer.from(
    JSON.stringify({
      ...value,
      manifests: [...value.manifests, large],
      annotations: { ...annotations, ...facts },
    }),
  );
  registry.putManifest('app', bytes, index.mediaType, '1');
  registry.put('app', artifact(amd64.manifest, { type: 'application/vnd.cncf.notary.signature' }));
  const page = async (...args: string[]): Promise<string> => {
    const { code, stdout } = await run(['inspect', '--format', 'html', `${app}:1`, ...args]);
    expect(code).toBe(0);
    return stdout;
  };
  return { app, run, page, ...others };
}

describe('inspect --format html', () => {
  it('is one page that loads and runs nothing', async () => {
    const { page } = await start();
    const text = await page();
    const [, style = ''] = /<style>([^]*?)<\/style>/.exec(text) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(text).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;">`,
    );
    // No elements or attributes that load, run or style.
    expect(text).not.toMatch(/<(?:script|link|img|iframe|object|base|form)\b|<[^>]*\s(?:on\w+|style|src)=/i);
    expect([...text.matchAll(/href="([^"]*)"/g)].every(([, target]) => target?.startsWith('#'))).toBe(true);
    expect(text.match(/<svg\b/g)?.length).toBeGreaterThan(2);
    expect(text).toContain('<summary>');
    expect(text).toContain('<span class="badge">signature</span>');
  });

  it('escapes every value', async () => {
    const { app, page } = await start();
    const text = await page('--against', `${app}:before`);
    for (const hostile of HOSTILE) {
      if (/[<>"'`]/.test(hostile)) expect(text).not.toContain(hostile);
    }
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202E]/);
    expect(text).toContain('&#60;script&#62;document.title=&#34;broken&#34;&#60;/script&#62;');
    expect(text).toContain('&#38;lt;script&#38;gt;');
  });

  it('shows what changed against another tag', async () => {
    const { app, page } = await start();
    const text = (await page('--against', `${app}:before`))
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ');
    expect(text).toContain(`Against ${app}:before`);
    expect(text).toMatch(/added linux\/arm64 digest sha256:/);
    expect(text).toMatch(/removed linux\/arm\/v7 digest sha256:/);
  });

  it('is the same for the same content', async () => {
    const { page } = await start();
    expect(await page()).toBe(await page());
  });

  it.each([
    [['--format', 'table', '--against', 'app:1'], '--against needs --format html'],
    [['--format', 'html', '--wide'], '--wide needs --format table or --format tree'],
    [['--format', 'html', '--json'], '--format html and --json exclude each other'],
  ])('rejects %j', async (flags, message) => {
    const { run, app } = await start();
    const { code, stderr } = await run(['inspect', `${app}:1`, ...flags]);
    expect({ code, first: stderr.split('\n')[0] }).toEqual({ code: 125, first: `error: ${message}` });
  });
});

describe('markup', () => {
  it.each(HOSTILE)('escapes %j in text and attributes', (text) => {
    const shown = markup`<a title="${text}">${text}</a>`.text;
    expect(shown.replaceAll(/^<a title="|">|<\/a>$/g, '')).toMatch(/^[^<>"'`\u202E]*$/);
  });
});

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

describe.skipIf(CHROMIUM === undefined)('in a browser', () => {
  it('opens with its style, runs nothing of the values, and opens and closes the tree by a click and a key', async () => {
    const { app, page } = await start();
    const directory = await temporaryDirectory();
    const file = join(directory, 'page.html');
    await writeFile(file, await page('--against', `${app}:before`));
    const browser = await openBrowser(CHROMIUM ?? '', directory, `file://${file}`);
    try {
      expect(await browser.evaluate('document.title')).toBe(`${app}:1`);
      expect(await browser.evaluate('getComputedStyle(document.querySelector("dl")).display')).toBe('grid');
      expect(await browser.evaluate('document.scripts.length + document.images.length')).toBe(0);
      const inner = 'document.querySelector("details.inner")';
      const isOpen = (): Promise<unknown> => browser.evaluate(`${inner}.open`);
      expect(await isOpen()).toBe(false);
      await browser.click(`${inner}.querySelector("summary")`);
      expect(await isOpen()).toBe(true);
      await browser.evaluate(`${inner}.querySelector("summary").focus()`);
      await browser.press('Enter');
      expect(await isOpen()).toBe(false);
      const back = (): Promise<unknown> =>
        browser.evaluate('getComputedStyle(document.body).backgroundColor');
      const light = await back();
      await browser.colorScheme('dark');
      expect(await back()).not.toBe(light);
      for (const width of [360, 1280]) {
        await browser.resize(width);
        expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      }
    } finally {
      await browser.close();
    }
  }, 60_000);
});

import { describe, expect, it } from 'vitest';

import { InvalidError } from '../../../src/oci/errors.js';
import { nextPage } from '../../../src/registry/manifests/next-page.js';

const PATH = `/v2/team/app/referrers/sha256:${'a'.repeat(64)}`;

function next(link: string | readonly string[], answered = `https://r.example.com${PATH}?n=2`) {
  const values = typeof link === 'string' ? [link] : link;
  const response = { url: new URL(answered), headerValues: () => values };
  return nextPage(response, new URL(`https://${new URL(answered).hostname}${PATH}`), 'referrers list')?.href;
}

describe('the next page of a list', () => {
  it.each<[string, string | readonly string[]]>([
    ['a path', `<${PATH}?last=b>; rel="next"`],
    ['a query', '<?last=b>; rel=next'],
    ['a URL', `<https://r.example.com${PATH}?last=b>; rel="next"`],
    ['the same in plain HTTP, as from behind a proxy', `<http://r.example.com${PATH}?last=b>;rel=next`],
    ['an escaped digest', `<${PATH.replace('sha256:', 'sha256%3A')}?last=b>; rel="next"`],
    ['one of several links', `<${PATH}?a>; rel="prev", <${PATH}?last=b>; title="a, b"; REL="next last"`],
    ['one of several headers', [`<${PATH}?a>; rel="prev"`, `<${PATH}?last=b>; rel="next"`]],
  ])('is read from %s', (_what, link) => {
    expect(next(link)).toBe(`https://r.example.com${PATH}?last=b`);
  });

  it.each<[string, string | readonly string[]]>([
    ['no header', []],
    ['no rel', `<${PATH}?last=b>`],
    ['another rel', `<${PATH}?last=b>; rel="nextish"`],
    ['no link', 'next'],
  ])('does not exist with %s', (_what, link) => {
    expect(next(link)).toBeUndefined();
  });

  it('is requested like the first, on the same port', () => {
    const asked = new URL(`https://127.0.0.1:5000${PATH}`);
    const response = {
      url: new URL(`http://127.0.0.1:5000${PATH}`),
      headerValues: () => [`<http://127.0.0.1:5000${PATH}?last=b>; rel="next"`],
    };
    expect(nextPage(response, asked, 'referrers list')?.href).toBe(`${asked.href}?last=b`);
  });

  describe('that leads to another server is rejected (go-containerregistry#2332)', () => {
    it.each<[string, string]>([
      ['another host', `https://evil.example.com${PATH}?last=b`],
      ['a host without scheme', `//evil.example.com${PATH}`],
      ['the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/'],
      ['another port', `https://r.example.com:8443${PATH}`],
      ['another port of plain HTTP', `http://r.example.com:8080${PATH}`],
      ['user information', `https://me:secret@r.example.com${PATH}`],
      ['no HTTP', `ftp://r.example.com${PATH}`],
      ['no URL', 'https://['],
      ['nothing', ''],
      ['another repository', PATH.replace('app', 'other')],
      [
        'another repository, by dots',
        `/v2/team/app/referrers/../../other/referrers/sha256:${'a'.repeat(64)}`,
      ],
      ['escaped dots', PATH.replace('referrers/', 'referrers/..%2f..%2fother/')],
      ['another digest', PATH.replaceAll('a', 'b')],
      ['another endpoint', '/v2/_catalog'],
    ])('%s', (_what, target) => {
      expect(() => next(`<${target}>; rel="next"`)).toThrow(InvalidError);
      expect(() => next(`<${target}>; rel="next"`)).toThrow(
        /^rejected the next page of the referrers list of r\.example\.com/,
      );
      expect(() => next(`<${target}>; rel="next"`)).not.toThrow(/secret/);
    });

    it('a link from the target of a redirect', () => {
      const response = {
        url: new URL('https://storage.example.com/list'),
        headerValues: () => [`<https://r.example.com${PATH}?last=b>; rel="next"`],
      };
      expect(() => nextPage(response, new URL(`https://r.example.com${PATH}`), 'referrers list')).toThrow(
        /the response came from storage\.example\.com$/,
      );
    });
  });
});

import { describe, expect, it } from 'vitest';

import { PINNED, snapshotTime } from '../../release/packages/debian-packages.js';

describe('the pinned Debian packages', () => {
  const { amd64, arm64 } = PINNED.packages;

  it('are the same for both architectures', () => {
    const versions = (pins: typeof amd64): string[][] => pins.map(({ name, version }) => [name, version]);
    expect(versions(arm64)).toEqual(versions(amd64));
  });

  it.each([...amd64, ...arm64])('$path has a digest, and the name and version in its path', (pin) => {
    expect(pin.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(decodeURIComponent(pin.path)).toMatch(/^debian(-security)?\/pool\/main\//);
    expect(decodeURIComponent(pin.path)).toContain(`/${pin.name}_${pin.version}_`);
  });

  it('have a time, which the files in the image have', () => {
    expect(new Date(snapshotTime() * 1000).toISOString()).toBe(
      PINNED.snapshot.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6.000Z'),
    );
  });
});

// The product's mark: water that steps down over a weir.

/** The mark. CSS sets its size. */
export function BrandMark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--mark, #0b6b62)" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
        <path d="M6 10.5h7.5c3.2 0 3.4 5.5 6.6 5.5H26" />
        <path d="M6 16h5.5c3.2 0 3.4 5.5 6.6 5.5H26" opacity=".72" />
        <path d="M6 21.5h3.5c1.6 0 2.5 1.4 3.4 2.7" opacity=".45" />
      </g>
    </svg>
  );
}

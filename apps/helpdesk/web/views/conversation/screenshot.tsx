// A placeholder for an attached screenshot. It is drawn, because the demo stores no images.
import { texts } from '../../../src/texts.js';

/** A drawing of a window with an error message. */
export function Screenshot() {
  const { screenshotAlt, screenshotTitle, screenshotHeading, screenshotBody, screenshotButton } = texts.chat;
  return (
    <svg className="screenshot" viewBox="0 0 320 190" role="img" aria-label={screenshotAlt}>
      <rect width="320" height="190" fill="#e9edf0" />
      <rect width="320" height="24" fill="#d5dce1" />
      <circle cx="14" cy="12" r="4" fill="#ef7d70" />
      <circle cx="28" cy="12" r="4" fill="#f2c057" />
      <circle cx="42" cy="12" r="4" fill="#74c27d" />
      <text x="160" y="16" fontSize="10" textAnchor="middle" fill="#52606a">
        {screenshotTitle}
      </text>
      <rect x="12" y="36" width="64" height="142" rx="4" fill="#dbe2e7" />
      {[48, 66, 84, 102].map((y) => (
        <rect key={y} x="20" y={y} width="44" height="7" rx="3" fill="#c3cdd4" />
      ))}
      {[44, 62, 80, 98, 116, 134, 152].map((y) => (
        <g key={y} fill="#cfd8dd">
          <rect x="88" y={y} width="92" height="8" rx="3" />
          <rect x="196" y={y} width="44" height="8" rx="3" />
          <rect x="256" y={y} width="50" height="8" rx="3" />
        </g>
      ))}
      <rect x="56" y="54" width="208" height="92" rx="8" fill="#fff" stroke="#c3cdd4" />
      <circle cx="84" cy="78" r="9" fill="#fceae8" />
      <path d="M84 73v6M84 82.500v.2" stroke="#b3382c" strokeWidth="2" strokeLinecap="round" />
      <text x="101" y="79" fontSize="12" fontWeight="650" fill="#22302c">
        {screenshotHeading}
      </text>
      <text x="101" y="95" fontSize="7" fill="#5a6864">
        {screenshotBody}
      </text>
      <rect x="198" y="112" width="54" height="20" rx="5" fill="#33658a" />
      <text x="225" y="125.5" fontSize="9" textAnchor="middle" fill="#fff">
        {screenshotButton}
      </text>
    </svg>
  );
}

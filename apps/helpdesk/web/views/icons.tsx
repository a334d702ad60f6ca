// Icons and the mark, drawn here: nothing is loaded for them.
import type { ReactNode } from 'react';

function icon(children: ReactNode) {
  return function Icon() {
    return (
      <svg
        className="icon"
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.8}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {children}
      </svg>
    );
  };
}

export const BellIcon = icon(
  <>
    <path d="M6.5 16.5V11a5.5 5.5 0 0 1 11 0v5.5l1.5 1.5H5z" />
    <path d="M10 20.5a2.2 2.2 0 0 0 4 0" />
  </>,
);
export const SendIcon = icon(
  <>
    <path d="M12 19V5.5" />
    <path d="m6 11 6-6 6 6" />
  </>,
);
export const PlugIcon = icon(
  <>
    <path d="M1.5 12h4M18.5 12h4" />
    <path d="M5.5 6.5h4v11h-4zM9.5 9.5h3.5M9.5 14.5h3.5" />
    <path d="M18.5 6.5h-1a5.5 5.5 0 0 0 0 11h1z" />
  </>,
);
export const UnplugIcon = icon(
  <>
    <path d="M1 12h2.5M21 12h2" />
    <path d="M3.5 6.5h4v11h-4zM7.5 9.5h3M7.5 14.5h3" />
    <path d="M21 6.5h-1a5.5 5.5 0 0 0 0 11h1z" />
  </>,
);
export const CheckIcon = icon(<path d="m6 12.5 4 4 8-9" />);
export const ChecksIcon = icon(
  <>
    <path d="m2.5 12.5 4 4 8-9" />
    <path d="m12 16 .5.5 8-9" />
  </>,
);
export const ClockIcon = icon(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 7.5V12l3 2" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="3.8" />
    <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
  </>,
);
export const MoonIcon = icon(<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z" />);
export const ScreenIcon = icon(
  <>
    <rect x="3.5" y="4.5" width="17" height="11.5" rx="2" />
    <path d="M9 20h6M12 16v4" />
  </>,
);
export const PlusIcon = icon(<path d="M12 5.5v13M5.5 12h13" />);
export const BackIcon = icon(<path d="m14.5 6-6 6 6 6" />);
export const PictureIcon = icon(
  <>
    <rect x="3.5" y="5" width="17" height="14" rx="2" />
    <circle cx="9" cy="10" r="1.5" />
    <path d="m4.5 17 5-4 3.5 2.5 3.5-3.5 4 4" />
  </>,
);
export const PenIcon = icon(
  <>
    <path d="M5 19h3.5L18.5 9 15 5.5 5 15.5z" />
    <path d="m13 7.5 3.5 3.5" />
  </>,
);

/** The mark: water that steps down over a weir. */
export function Mark() {
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

// Line icons, 20 by 20, drawn with the text's colour.
const paths = {
  plus: 'M10 4v12M4 10h12',
  menu: 'M3.5 6h13M3.5 10h13M3.5 14h13',
  copy: 'M7 7V4.5h8.500v8.500H13M4.500 7H13v8.500H4.500z',
  check: 'M4.500 10.500l3.500 3.500 7.500-8',
  again: 'M15.500 9A5.800 5.800 0 1 0 15 13M15.800 4.500V9h-4.500',
  edit: 'M4.500 15.500h3l8-8-3-3-8 8zM11 6l3 3',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  down: 'M10 4v11M5 10.500l5 5 5-5',
  up: 'M10 16V5M5 9.500l5-5 5 5',
  dots: 'M5 10h.01M10 10h.01M15 10h.01',
  trash: 'M4.500 6h11M8 6V4h4v2M6 6l.700 10h6.600L14 6',
  close: 'M5.500 5.500l9 9M14.500 5.500l-9 9',
  chevron: 'M6 8l4 4 4-4',
} as const

export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

export function StopIcon() {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <rect x="5.500" y="5.500" width="9" height="9" rx="1.500" fill="currentColor" stroke="none" />
    </svg>
  )
}

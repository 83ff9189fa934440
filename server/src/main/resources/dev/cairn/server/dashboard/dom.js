// Making elements and texts. Text is only ever set as text, never parsed.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children, each an element or a text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) {
      made.setAttribute(name, "");
    } else if (value !== false && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children);
  return made;
}

/** Sets a text where it has changed, so that nothing is announced or painted twice. */
export function setText(target, text) {
  if (target.textContent !== text) {
    target.textContent = text;
  }
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const whole = (value) => WHOLE.format(value);

/** A rate: tenths while it is small. */
export const rate = (value) => (value < 100 ? TENTHS.format(value) : WHOLE.format(value));

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${unit === 0 ? whole(left) : rate(left)} ${units[unit]}`;
}

export function millis(value) {
  return value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${whole(value)} ms` : `${rate(value / 1000)} s`;
}

export function age(value) {
  const seconds = Math.floor(value / 1000);
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

/** How an id is shown where there is no room: its end, which tells requests apart. */
export const shortId = (id) => (id.length > 10 ? `…${id.slice(-8)}` : id);

/** A bar that is filled in part, for eyes and for screen readers. */
export function meter(label) {
  const fill = element("span", { class: "fill" });
  const bar = element("span", { class: "meter", role: "meter", "aria-label": label }, fill);
  return {
    bar,
    set(used, total) {
      const share = total > 0 ? Math.min(1, used / total) : 0;
      fill.style.setProperty("inline-size", `${(share * 100).toFixed(1)}%`);
      bar.setAttribute("aria-valuemin", "0");
      bar.setAttribute("aria-valuemax", String(total));
      bar.setAttribute("aria-valuenow", String(used));
    },
  };
}

/** A store that is there in every browser, and forgets where the browser does not let it keep. */
export function store(area) {
  const kept = new Map();
  return {
    get(name) {
      try {
        return window[area].getItem(name) ?? kept.get(name) ?? null;
      } catch {
        return kept.get(name) ?? null;
      }
    },
    set(name, value) {
      kept.set(name, value);
      try {
        window[area].setItem(name, value);
      } catch {
        // Kept for as long as the page is there.
      }
    },
    remove(name) {
      kept.delete(name);
      try {
        window[area].removeItem(name);
      } catch {
        // As above.
      }
    },
  };
}

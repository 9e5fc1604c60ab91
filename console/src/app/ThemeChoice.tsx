import { Monitor, Moon, Sun } from "lucide-react";
import { THEMES, type Theme, choose, useTheme } from "./theme";

const ICONS = { system: Monitor, light: Sun, dark: Moon } as const;
const WORDS: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };

export function ThemeChoice() {
  const theme = useTheme();
  return (
    <div className="segments small" role="group" aria-label="Theme">
      {THEMES.map((each) => {
        const Icon = ICONS[each];
        return (
          <button
            key={each}
            type="button"
            aria-pressed={each === theme}
            aria-label={WORDS[each]}
            title={WORDS[each]}
            onClick={() => choose(each)}
          >
            <Icon size={15} aria-hidden />
          </button>
        );
      })}
    </div>
  );
}

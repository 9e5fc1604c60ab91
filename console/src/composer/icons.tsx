/** The pictures that components name. A picture that is not among them is a box. */

import {
  Activity, Binary, Box, BrainCircuit, ChartLine, CirclePause, Combine, FileCode, FileCog, FileSpreadsheet, Flower, Gauge, GitBranch, Globe,
  FileDown, Image, Images, Layers, LogIn, LogOut, type LucideIcon, Package, Repeat, Rocket, Ruler, Scaling, Sparkles, Split, Stethoscope, TrendingUp, Trees, Wine, Workflow,
} from "lucide-react";

const ICONS: Record<string, LucideIcon> = {
  activity: Activity, binary: Binary, box: Box, "brain-circuit": BrainCircuit, "chart-line": ChartLine, "circle-pause": CirclePause,
  combine: Combine, "file-code": FileCode, "file-cog": FileCog, "file-spreadsheet": FileSpreadsheet, flower: Flower, gauge: Gauge,
  "git-branch": GitBranch, globe: Globe, image: Image, images: Images, layers: Layers, package: Package, rocket: Rocket, ruler: Ruler,
  scaling: Scaling, sparkles: Sparkles, split: Split, stethoscope: Stethoscope, "trending-up": TrendingUp, trees: Trees, wine: Wine,
  workflow: Workflow, repeat: Repeat, "log-in": LogIn, "log-out": LogOut, "file-down": FileDown,
};

export function Picture({ name, size = 16 }: { name: string; size?: number }) {
  const Icon = ICONS[name] ?? Box;
  return <Icon size={size} aria-hidden />;
}

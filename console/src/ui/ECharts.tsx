/** Apache ECharts in the console's own colours. Load it through `Chart`. */

import { BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  ParallelComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useDark } from "../app/theme";

use([
  AriaComponent, BarChart, CanvasRenderer, CustomChart, DataZoomComponent, GridComponent, HeatmapChart, LegendComponent,
  LineChart, MarkLineComponent, ParallelChart, ParallelComponent, ScatterChart, TooltipComponent, VisualMapComponent,
]);

export interface Props {
  /** What the chart says, for who cannot see it. */
  label: string;
  option: EChartsCoreOption;
  height?: number;
  onClick?: (event: { dataIndex: number; seriesIndex: number; name: string; data: unknown }) => void;
}

function theme(dark: boolean): object {
  const [ink, dim, line] = dark ? ["#e6e9ef", "#97a1b3", "#2a313d"] : ["#1a2230", "#5d687a", "#dfe4ec"];
  const axis = {
    axisLine: { lineStyle: { color: line } },
    axisTick: { lineStyle: { color: line } },
    axisLabel: { color: dim },
    nameTextStyle: { color: dim },
    splitLine: { lineStyle: { color: line } },
  };
  return {
    color: dark
      ? ["#79a4ff", "#f0a04b", "#46c5bd", "#bb8df0", "#4fce8e", "#ff7b80"]
      : ["#2159d6", "#b4620a", "#0d7f79", "#7a3fb5", "#137a4a", "#b8262f"],
    backgroundColor: "transparent",
    textStyle: { color: ink, fontFamily: '"Inter Variable", system-ui, sans-serif' },
    legend: { textStyle: { color: dim } },
    tooltip: {
      backgroundColor: dark ? "#181d26" : "#ffffff",
      borderColor: line,
      textStyle: { color: ink, fontSize: 12 },
    },
    categoryAxis: axis,
    valueAxis: axis,
    timeAxis: axis,
    logAxis: axis,
  };
}

/** Lines run across the labels of parallel axes: an edge in the ground's colour keeps them legible. From the option alone, echarts takes it. */
function withAxes(option: EChartsCoreOption, dark: boolean): EChartsCoreOption {
  if (!option.parallelAxis) return option;
  const [ink, ground, line] = dark ? ["#e6e9ef", "#171c25", "#4a5464"] : ["#1a2230", "#ffffff", "#b4bdcb"];
  const parallelAxisDefault = {
    z: 20,
    axisLabel: { color: ink, textBorderColor: ground, textBorderWidth: 3 },
    axisLine: { lineStyle: { color: line } },
    nameTextStyle: { color: ink, fontWeight: 600 },
  };
  return { ...option, parallel: { parallelAxisDefault, ...(option.parallel as object) } };
}

export function ECharts({ label, option, height = 220, onClick }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof init> | null>(null);
  const click = useRef(onClick);
  click.current = onClick;
  const dark = useDark();
  useEffect(() => {
    if (!place.current) return;
    const made = init(place.current, theme(dark));
    chart.current = made;
    made.on("click", (event) => click.current?.(event as never));
    const watcher = new ResizeObserver(() => made.resize());
    watcher.observe(place.current);
    return () => {
      watcher.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, [dark]);
  useEffect(() => {
    chart.current?.setOption({ animation: false, ...withAxes(option, dark) }, { notMerge: true });
  }, [option, dark]);
  return <div ref={place} className="chart" style={{ height }} role="img" aria-label={label} />;
}

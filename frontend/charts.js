import { init, use } from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart } from "echarts/charts";
import { GridSimpleComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
use([BarChart, LineChart, HeatmapChart, CustomChart, GridSimpleComponent, TooltipComponent, CanvasRenderer]);
window.x = init;

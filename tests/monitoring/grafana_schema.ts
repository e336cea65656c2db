// The dashboards of a network, checked against Grafana's own types; the test puts the JSON in place of DASHBOARDS.
import type { Dashboard, DataQuery, Panel, RowPanel } from "@grafana/schema";
import type * as Stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as TimeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// In JSON an enum is its value.
type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

interface Query extends DataQuery {
  expr: string;
  range: boolean;
  instant: boolean;
  legendFormat: string;
}

interface Drawn<Kind extends string, Options, Custom> extends Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> {
  id: number;
  type: Kind;
  targets: Query[];
  options: Options;
  fieldConfig: Panel["fieldConfig"] & { defaults: { custom?: Custom } };
}

interface Ours extends Omit<Dashboard, "panels"> {
  uid: string;
  panels: (Drawn<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig> | Drawn<"stat", Stat.Options, never> | RowPanel)[];
}

export const dashboards: Plain<Ours>[] = DASHBOARDS;

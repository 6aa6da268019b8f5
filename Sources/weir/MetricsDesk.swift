// Puts the metrics pages together for the control loop: what it counts itself, what the loops have lent, and
// what is read when somebody asks.

import Admin
import IO
import Relay
import Telemetry
import Wire

/// Confined to the control thread.
final class MetricsDesk {
  let registry: LabelRegistry
  let counted = CountedFigures()
  /// What the control loop itself counts.
  private let metrics: MetricsShard
  private let samples: PageSamples
  private var scrape: Scrape?

  init(_ samples: PageSamples, maxSeries: Int) {
    var caps = LabelRegistry.Caps()
    caps.series = maxSeries
    registry = LabelRegistry(caps: caps)
    metrics = MetricsShard(registry: registry)
    self.samples = samples
  }

  /// What new settings change about pages.
  func apply(_ settings: Settings, _ options: WorkerOptions) { samples.apply(settings, options) }

  func reloaded(_ result: Label.ReloadResult) { metrics.reloaded(result) }

  /// To be called once, when there are loops to ask. `status` gets what each page was made of.
  func serve(
    _ workers: [Mailbox<WorkerCommand>], _ status: StatusDesk, clock: any Kernel,
    limits: @escaping () -> [LimitState], isServing: @escaping () -> Bool
  ) {
    scrape = Scrape(workers, counted, clock: clock, limits: limits) { [unowned self] in
      page($0, $1, status, isServing: isServing())
    }
  }

  func ask(_ head: RequestHead, _ reply: @escaping Scrape.Reply) { scrape?.ask(head, reply) }

  func receive(_ figures: WorkerFigures) { scrape?.receive(figures) }

  private func page(
    _ format: ExpositionFormat, _ lent: LentFigures, _ status: StatusDesk, isServing: Bool
  ) -> Exposition {
    counted.take(metrics.lend(for: MetricsSnapshot()))
    status.note(counted.sum)
    Thread.yieldProcessor()
    let found = samples.take(
      lent, isServing: isServing, scrapeNanoseconds: scrape?.lastNanoseconds ?? 0)
    return Exposition(format, counted.sum, registry: registry, samples: found)
  }
}

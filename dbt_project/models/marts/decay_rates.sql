-- How fast what we know goes out of date, estimated from our own waves, bounces and register events.
{{ fitted_decay_rates() }}

"""Looking inside a network: what each layer is, hears and answers, as records and arrays; `plots` draws them."""

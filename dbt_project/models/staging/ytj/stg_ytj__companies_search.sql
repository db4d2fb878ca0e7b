{{ staged_companies(source('ytj', 'companies_search')) }}

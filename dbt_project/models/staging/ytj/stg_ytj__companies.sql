{{ staged_companies(source('ytj', 'companies')) }}

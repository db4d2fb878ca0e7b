{{ staged_yrtti(source('associations', 'associations')) }}

{# USES_VARIABLES { N } #}
{# Finds the cells with an event. Events are rare: whether a block of cells has any is found out for all of them at
   once, and only if it has, one cell after the other is looked at. #}
{% extends 'brian2/threshold.cpp' %}
{% set _at_once = vectorisable(vector_code, variables, variable_indices, get_array_name) %}

{% block maincode %}
    {% set _events = get_array_name(eventspace_variable) %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    const int _block = {{'256' if _at_once else '_N'}};
    int _count = 0;
    for (int _start = 0; _start < _N; _start += _block)
    {
        const int _stop = _N - _start < _block ? _N : _start + _block;
        {% if _at_once %}
        int _any = 0;
        #pragma omp simd reduction(|: _any)
        for (int _idx = _start; _idx < _stop; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _any |= _cond;
        }
        if (!_any)
            continue;
        {% endif %}
        for (int _idx = _start; _idx < _stop; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            if (!_cond)
                continue;
            {{_events}}[_count++] = _idx;
            {% if _uses_refractory %}
            {{not_refractory}}[_idx] = false;
            {{lastspike}}[_idx] = {{t}};
            {% endif %}
        }
    }
    {{_events}}[_N] = _count;
{% endblock %}
